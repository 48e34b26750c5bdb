//! 6DRepNet, the head-pose estimator: RepVGG-B1g2 and a linear layer to a 6-D rotation.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use super::conv::ConvShape;
use super::network::{ImageNetwork, Tap};
use super::repvgg_block::Block;
pub use super::repvgg_block::Form;
use crate::error::ModelResult;
use crate::linear::Linear;
use crate::params::Params;

/// Channels and blocks of the four stages of RepVGG-B1g2.
const STAGES: [(usize, usize); 4] = [(128, 4), (256, 6), (512, 16), (2048, 1)];
/// Channels of the stem.
const STEM: usize = 64;

/// The pose network. Heads are 224 × 224, RGB in 0..1, normalised with ImageNet's mean and
/// deviation. Its output is the 6-D vector that [`super::rotations::rotations_from_6d`] and
/// [`crate::rotation::rotation_from_6d`] turn into a rotation; the angles of that rotation are
/// those of 300W-LP's labels ([`crate::rotation::Euler::from_300w_lp`]).
#[derive(Clone, Debug)]
pub struct SixDRepNet {
    stem: Block,
    stages: Vec<Vec<Block>>,
    regression: Linear,
}

impl SixDRepNet {
    /// Declares the parameters of that form's state dict.
    pub fn new(params: &mut Params, form: Form, seed: u64) -> ModelResult<Self> {
        let stem = ConvShape::same(3, STEM, [3, 3]).every(2);
        let stem = Block::new(params, ("layer0", form), stem, seed)?;
        let mut stages = vec![];
        let (mut inputs, mut layer) = (STEM, 0);
        for ((outputs, blocks), stage) in STAGES.into_iter().zip(1..) {
            let mut built = vec![];
            for at in 0..blocks {
                layer += 1;
                let groups = if layer % 2 == 0 { 2 } else { 1 }; // the g2 of B1g2
                let stride = if at == 0 { 2 } else { 1 };
                let shape = ConvShape { groups, ..ConvShape::same(inputs, outputs, [3, 3]) };
                let name = format!("layer{stage}.{at}");
                built.push(Block::new(params, (&name, form), shape.every(stride), seed)?);
                inputs = outputs;
            }
            stages.push(built);
        }
        let regression = Linear::new(params, "linear_reg", (inputs, 6), seed)?;
        Ok(Self { stem, stages, regression })
    }

    /// The kernels and biases of the deployed blocks, under the names of that form's state dict:
    /// what `repvgg_model_convert` computes. The linear layer `linear_reg` stays as it is.
    pub fn merged_blocks(&self) -> Result<BTreeMap<String, Tensor>> {
        let stages = self.stages.iter().zip(1..).flat_map(|(blocks, stage)| {
            blocks.iter().enumerate().map(move |(at, block)| (format!("layer{stage}.{at}"), block))
        });
        let mut weights = BTreeMap::new();
        for (name, block) in std::iter::once(("layer0".to_owned(), &self.stem)).chain(stages) {
            let conv = block.merged()?;
            weights.insert(format!("{name}.rbr_reparam.weight"), conv.weight().clone());
            weights.insert(format!("{name}.rbr_reparam.bias"), conv.bias()?);
        }
        Ok(weights)
    }
}

impl ImageNetwork for SixDRepNet {
    /// # Shapes
    /// - images: `[B, 3, H, W]`, H and W multiples of 32
    /// - output: `[B, 6]`
    fn forward_tapped(&self, images: &Tensor, tap: Tap) -> Result<Tensor> {
        let mut x = self.stem.forward(images)?;
        tap("layer0", &x);
        for (stage, at) in self.stages.iter().zip(1..) {
            for block in stage {
                x = block.forward(&x)?;
            }
            tap(&format!("layer{at}"), &x);
        }
        let feature = x.flatten_from(2)?.mean(2)?;
        tap("feature", &feature);
        self.regression.forward(&feature)
    }

    /// Merges the branches of every block.
    fn fold(&mut self) -> Result<()> {
        for block in std::iter::once(&mut self.stem).chain(self.stages.iter_mut().flatten()) {
            *block = Block::Merged(block.merged()?);
        }
        Ok(())
    }
}
