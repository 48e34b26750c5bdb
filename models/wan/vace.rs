//! The VACE branch: a second stack of blocks that turns a control latent into hints.

use candle_core::{Result, Tensor, bail};

use super::attention::Context;
use super::block::{Block, Observer};
use super::config::{VaceConfig, WanConfig};
use super::declare::{Declare, Init, Projection};
use super::embed::PatchEmbedding;
use super::span::Span;
use crate::error::ModelResult;

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
                let block = Block::new(config, declare, &name, false)?;
                let after = declare.at(&name).projection("after_proj", sizes, Init::Zeros)?;
                Ok((block, after))
            })
            .collect::<ModelResult<_>>()?;
        Ok(Self { patch_embedding, before, blocks, places: vace.blocks.clone() })
    }

    /// All hints, computed from the video tokens as they enter the base (METHOD §1.4).
    ///
    /// # Shapes
    /// - x: `[B, L, D]`
    pub(super) fn hints(
        &self,
        input: VaceInput,
        (x, span): (&Tensor, &Span),
        context: &Context,
        observe: Option<Observer>,
    ) -> Result<Hints<'_>> {
        let show = |name: &str, value: &Tensor| {
            if let Some(observe) = observe {
                observe(name, value);
            }
        };
        let control = self.patch_embedding.forward(input.context)?;
        show("vace_patch_embedding", &control);
        let (found, tokens) = (control.dim(1)?, x.dim(1)?);
        if found > tokens {
            bail!("the control latent has {found} tokens, but the video {tokens}");
        }
        let control =
            if found < tokens { control.pad_with_zeros(1, 0, tokens - found)? } else { control };
        let alone = [Span { attends_to: vec![0], ..span.clone() }];
        let mut c = (self.before.forward(&control)? + x)?;
        let mut hints = vec![];
        for (at, (block, after)) in self.blocks.iter().enumerate() {
            c = block.forward(&[c], &alone, context, None)?.swap_remove(0);
            let hint = after.forward(&c)?;
            show(&format!("vace_blocks.{at}"), &c);
            show(&format!("vace_blocks.{at}.after_proj"), &hint);
            hints.push(match input.scales {
                Some(scales) => hint.broadcast_mul(&scales.narrow(0, at, 1)?)?,
                None => hint,
            });
        }
        Ok(Hints { hints, places: &self.places })
    }
}

impl Hints<'_> {
    /// The hint that follows base block `block`.
    pub(super) fn after(&self, block: usize) -> Option<&Tensor> {
        let at = self.places.iter().position(|&place| place == block)?;
        self.hints.get(at)
    }
}
