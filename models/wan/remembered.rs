//! Segments that depend on nothing but themselves, run once for many forward passes.

use std::sync::Arc;

use candle_core::{Result, Tensor, bail};

use super::attention::{Context, KeysValues};
use super::block::State;
use super::model::Wan;
use super::piece::Piece;
use super::rotary::Rotary;
use super::run::Run;
use super::segment::Segment;
use super::span::{Modulation, Span};

/// What a segment's tokens are to the others: keys and values in every block, without a graph. The
/// video sees them, and every segment that attends to all. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Remembered(Arc<[KeysValues]>);

impl Remembered {
    /// Keys and values in block `at`.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn of_block(&self, at: usize) -> Result<&KeysValues> {
        match self.0.get(at) {
            Some(found) => Ok(found),
            None => bail!("keys are remembered of {} blocks, not of block {at}", self.0.len()),
        }
    }
}

impl Wan {
    /// Runs a segment alone through the blocks and keeps its keys and values. Passes that are given
    /// them in [`WanInput::remembered`](super::WanInput::remembered) give what they would give
    /// with the segment itself, the same bytes.
    ///
    /// Its gradients are lost: for sampling only.
    ///
    /// # Errors
    /// Unless the segment has a timestep of its own, is not noisy, sees no text and attends to
    /// itself alone: then it changes from pass to pass.
    pub fn remember(&self, segment: &Segment) -> Result<Remembered> {
        let piece = Piece::alone(self, segment)?;
        let head_dim = self.config().head_dim();
        let span = Span {
            rotary: Rotary::new(&[piece.grid], head_dim, piece.x.device())?,
            timestep: Modulation::rows(&piece.rows)?,
            table: piece.table,
            attends_to: vec![0],
            sees_remembered: false,
            sees_text: false,
            lora: piece.lora,
        };
        let nothing = Tensor::zeros((1, 1, 1), piece.x.dtype(), piece.x.device())?;
        let context = Context { text: nothing, image: None };
        let mut state =
            State { xs: vec![piece.x.detach()], spans: vec![span], context, remembered: vec![] };
        let (run, mut found) = (Run { observer: None, recompute: false }, vec![]);
        for (at, block) in self.blocks.iter().enumerate() {
            let KeysValues { keys, values } = block.keys_values(&state)?;
            found.push(KeysValues { keys: keys.detach(), values: values.detach() });
            if at + 1 < self.blocks.len() {
                state.xs = run.block(block, &state)?;
                state.xs[0] = state.xs[0].detach();
            }
        }
        Ok(Remembered(found.into()))
    }
}
