//! InceptionV3 up to its 2048 pooled features, in torchvision's and the FID's form.

use candle_core::{Result, Tensor};

use super::conv::ConvShape;
use super::conv_norm::ConvNorm;
use super::inception_block::{Block, Pooling, conv_norm};
use super::network::{ImageNetwork, Tap};
use super::normalisation::Normalisation;
use super::resampling::{Kernel, resized};
use crate::error::ModelResult;
use crate::ops::{self, Pool2d};
use crate::params::Params;

/// ε of every BatchNorm here.
pub(super) const EPS: f64 = 1e-3;
/// Side of the images the network was trained on, in pixels.
const SIDE: usize = 299;
/// Length of a feature.
const FEATURES: usize = 2048;
/// Between the stages.
const HALVE: Pool2d = Pool2d { kernel: 3, stride: 2, padding: 0 };

/// Whose features. The two share every layer and its name; they differ in the pooling branches of
/// some blocks and in how images enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// torchvision's `inception_v3` without `fc`, with `transform_input`: what ConsisID's "FID"
    /// measures. Images are 299 × 299.
    TorchVision,
    /// pytorch-fid's port of the TensorFlow network, for Fréchet distances. Images of any size are
    /// resized to 299 × 299 inside.
    Fid,
}

/// The feature network. Images are RGB in 0..1, not normalised; a feature has 2048 numbers.
#[derive(Clone, Debug)]
pub struct Inception {
    form: Form,
    stem: Vec<ConvNorm>,
    blocks: Vec<Block>,
}

impl Inception {
    /// Declares the parameters of the state dict, less `AuxLogits` and `fc`, which features do not
    /// need.
    pub fn new(params: &mut Params, form: Form, seed: u64) -> ModelResult<Self> {
        let mut stem = vec![];
        for (name, shape) in [
            ("Conv2d_1a_3x3", ConvShape::valid(3, 32, [3, 3]).every(2)),
            ("Conv2d_2a_3x3", ConvShape::valid(32, 32, [3, 3])),
            ("Conv2d_2b_3x3", ConvShape::same(32, 64, [3, 3])),
            ("Conv2d_3b_1x1", ConvShape::valid(64, 80, [1, 1])),
            ("Conv2d_4a_3x3", ConvShape::valid(80, 192, [3, 3])),
        ] {
            stem.push(conv_norm(params, name, shape, seed)?);
        }
        let mean = match form {
            Form::TorchVision => Pooling::Mean { count_padding: true },
            Form::Fid => Pooling::Mean { count_padding: false },
        };
        // FIDInceptionE_2: the TensorFlow network takes a maximum in its last block.
        let last = if form == Form::Fid { Pooling::Max } else { mean };
        let blocks = vec![
            Block::a(params, "Mixed_5b", (192, 32, mean), seed)?,
            Block::a(params, "Mixed_5c", (256, 64, mean), seed)?,
            Block::a(params, "Mixed_5d", (288, 64, mean), seed)?,
            Block::b(params, "Mixed_6a", 288, seed)?,
            Block::c(params, "Mixed_6b", (128, mean), seed)?,
            Block::c(params, "Mixed_6c", (160, mean), seed)?,
            Block::c(params, "Mixed_6d", (160, mean), seed)?,
            Block::c(params, "Mixed_6e", (192, mean), seed)?,
            Block::d(params, "Mixed_7a", seed)?,
            Block::e(params, "Mixed_7b", (1280, mean), seed)?,
            Block::e(params, "Mixed_7c", (2048, last), seed)?,
        ];
        Ok(Self { form, stem, blocks })
    }
}

impl ImageNetwork for Inception {
    /// # Shapes
    /// - images: `[B, 3, 299, 299]`; of any size in the FID's form
    /// - output: `[B, 2048]`
    fn forward_tapped(&self, images: &Tensor, tap: Tap) -> Result<Tensor> {
        let mut x = self.enter(images, tap)?;
        for (layer, at) in self.stem.iter().zip(1..) {
            x = layer.forward(&x)?.relu()?;
            // Behind Conv2d_2b and Conv2d_4a, the third layer and the last.
            if at == 3 || at == self.stem.len() {
                x = ops::max_pool2d(&x, HALVE)?;
                tap(if at == 3 { "block0" } else { "block1" }, &x);
            }
        }
        for (block, at) in self.blocks.iter().zip(1..) {
            x = block.forward(&x)?;
            if at == 8 {
                tap("block2", &x); // Mixed_6e, pytorch-fid's third output
            }
        }
        let feature = x.flatten_from(2)?.mean(2)?;
        tap("block3", &feature.reshape(((), FEATURES, 1, 1))?);
        Ok(feature)
    }

    fn fold(&mut self) -> Result<()> {
        self.stem.iter_mut().try_for_each(ConvNorm::fold)?;
        self.blocks.iter_mut().try_for_each(Block::fold)
    }
}

impl Inception {
    /// From 0..1 to what the first layer was trained on.
    fn enter(&self, images: &Tensor, tap: Tap) -> Result<Tensor> {
        let channels = |values: [f32; 3]| Tensor::new(&values, images.device());
        if self.form == Form::Fid {
            let x = resized(images, [SIDE, SIDE], Kernel::Bilinear)?;
            tap("resized", &x);
            return ops::channel_affine(&x, &channels([2.0; 3])?, &channels([-1.0; 3])?);
        }
        // `transform_input`: as if the images had been normalised for ImageNet, back to −1..1.
        let Normalisation { mean, deviation } = Normalisation::IMAGENET;
        let scale = deviation.map(|deviation| deviation / 0.5);
        let shift = mean.map(|mean| (mean - 0.5) / 0.5);
        ops::channel_affine(images, &channels(scale)?, &channels(shift)?)
    }
}
