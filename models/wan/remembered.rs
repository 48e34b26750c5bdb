//! Keys and values that are the same in many forward passes: of segments that depend on nothing but
//! themselves, and of the text.

use std::sync::Arc;

use candle_core::{Result, Tensor, bail};

use super::attention::{Context, KeysValues, Readable};
use super::block::State;
use super::model::{Wan, WanInput};
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

/// What the base's cross-attentions read of one text and image, without a graph. Cloning shares it.
#[derive(Clone, Debug)]
pub struct RememberedText(Arc<[Readable]>);

impl RememberedText {
    pub(super) fn of_block(&self, at: usize) -> Result<&Readable> {
        match self.0.get(at) {
            Some(found) => Ok(found),
            None => bail!("a text is remembered for {} blocks, not for block {at}", self.0.len()),
        }
    }
}

impl Wan {
    /// Computes the keys and values of an input's text and image once. Passes with the same text,
    /// image, S and adapters that are given them in
    /// [`WanInput::remembered_text`](super::WanInput::remembered_text) give the same bytes.
    ///
    /// Their gradients are lost: for sampling only.
    ///
    /// # Errors
    /// As [`Wan::forward`].
    pub fn remember_text(&self, input: &WanInput) -> Result<RememberedText> {
        let context = self.context(input)?;
        let found = self.blocks.iter().map(|block| {
            let readable = block.readable(&context, input.lora)?;
            Ok(readable.detached())
        });
        Ok(RememberedText(found.collect::<Result<Vec<_>>>()?.into()))
    }

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
        let (xs, spans) = (vec![piece.x.detach()], vec![span]);
        let mut state = State { xs, spans, context, remembered: vec![], readable: None };
        let (run, mut found) = (Run { observer: None, recompute: false }, vec![]);
        for (at, block) in self.blocks.iter().enumerate() {
            found.push(block.keys_values(&state)?.detached());
            if at + 1 < self.blocks.len() {
                state.xs = run.block(block, &state)?;
                state.xs[0] = state.xs[0].detach();
            }
        }
        Ok(Remembered(found.into()))
    }
}
