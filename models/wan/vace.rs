//! The VACE branch: a second stack of blocks that turns a control latent into hints.

use candle_core::{Result, Tensor, bail};

use super::block::{Block, Branch, State};
use super::config::{VaceConfig, WanConfig};
use super::declare::{Declare, Init, Projection};
use super::embed::PatchEmbedding;
use super::run::Run;
use crate::error::ModelResult;
use crate::ops;

/// What steers the VACE branch.
#[derive(Clone, Copy, Debug)]
pub struct VaceInput<'a> {
    /// The control latent `[B, Cv, F, H, W]`: inactive and reactive latents, and the mask.
    pub context: &'a Tensor,
    /// A factor on each hint, `[number of VACE blocks]`; 1 if absent.
    pub scales: Option<&'a Tensor>,
}

/// Patch embedding and blocks of the branch.
#[derive(Clone, Debug)]
pub(super) struct Vace {
    patch_embedding: PatchEmbedding,
    before: Projection,
    blocks: Vec<(Block, Projection)>,
    /// The base blocks after which the hints are added.
    places: Vec<usize>,
}

/// The hints of one forward pass, each `[B, L, D]`, with the base blocks they follow.
pub(super) struct Hints<'a> {
    hints: Vec<Tensor>,
    places: &'a [usize],
}

impl Vace {
    pub(super) fn new(
        config: &WanConfig,
        vace: &VaceConfig,
        declare: &mut Declare,
    ) -> ModelResult<Self> {
        let patch_embedding =
            PatchEmbedding::new(config, declare, ("vace_patch_embedding", vace.in_channels))?;
        let sizes = (config.dim, config.dim);
        let before = declare.projection("vace_blocks.0.before_proj", sizes, Init::Zeros)?;
        let blocks = (0..vace.blocks.len())
            .map(|at| {
                let name = format!("vace_blocks.{at}");
                let block = Block::new(config, declare, &name, Branch::Vace)?;
                let after = declare.at(&name).projection("after_proj", sizes, Init::Zeros)?;
                Ok((block, after))
            })
            .collect::<ModelResult<_>>()?;
        Ok(Self { patch_embedding, before, blocks, places: vace.blocks.clone() })
    }

    /// All hints, computed from the video tokens as they enter the base (METHOD §1.4).
    ///
    /// # Shapes
    /// - video: one span
    pub(super) fn hints(&self, input: VaceInput, video: State, run: Run) -> Result<Hints<'_>> {
        let control = self.patch_embedding.forward(input.context)?;
        run.show("vace_patch_embedding", &control);
        let (x, lora) = (video.xs[0].clone(), video.spans[0].lora.clone());
        let mut state = video;
        let control = padded(&control, x.dim(1)?)?;
        state.xs = vec![ops::add(&self.before.forward(&control, lora.as_ref())?, &x)?];
        let mut hints = vec![];
        for (at, (block, after)) in self.blocks.iter().enumerate() {
            state.xs = run.block(block, &state)?;
            let hint = after.forward(&state.xs[0], lora.as_ref())?;
            run.show(&format!("{}.after_proj", block.name()), &hint);
            hints.push(match input.scales {
                Some(scales) => hint.broadcast_mul(&scales.narrow(0, at, 1)?)?,
                None => hint,
            });
        }
        Ok(Hints { hints, places: &self.places })
    }
}

/// The control tokens filled up with zeros to the number of video tokens.
fn padded(control: &Tensor, tokens: usize) -> Result<Tensor> {
    match control.dim(1)? {
        found if found > tokens => {
            bail!("the control latent has {found} tokens, but the video {tokens}")
        }
        found if found < tokens => control.pad_with_zeros(1, 0, tokens - found),
        _ => Ok(control.clone()),
    }
}

impl Hints<'_> {
    /// The hint that follows base block `block`.
    pub(super) fn after(&self, block: usize) -> Option<&Tensor> {
        let at = self.places.iter().position(|&place| place == block)?;
        self.hints.get(at)
    }
}
