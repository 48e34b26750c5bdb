//! A RepVGG block: three branches in training, one convolution when deployed.

use candle_core::{DType, Result, Tensor};

use super::batch_norm::BatchNorm;
use super::conv::{Conv, ConvShape};
use super::conv_norm::ConvNorm;
use crate::error::ModelResult;
use crate::params::Params;

/// Which of the two published forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Three branches, each with its BatchNorm.
    Train,
    /// One 3×3 convolution with a bias: what `repvgg_model_convert` leaves.
    Deploy,
}

/// A block, followed by a ReLU.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// The sum of a 3×3, a 1×1 and, where sizes stay, the input itself, each normalised.
    Branches { dense: ConvNorm, point: ConvNorm, identity: Option<BatchNorm> },
    /// The one convolution that does the same.
    Merged(Conv),
}

impl Block {
    /// Declares a block of 3×3 kernels under `name`.
    pub(super) fn new(
        params: &mut Params,
        (name, form): (&str, Form),
        shape: ConvShape,
        seed: u64,
    ) -> ModelResult<Self> {
        let part = |part: &str| format!("{name}.{part}");
        if form == Form::Deploy {
            return Ok(Self::Merged(Conv::with_bias(params, &part("rbr_reparam"), shape, seed)?));
        }
        let eps = BatchNorm::EPS;
        let mut branch = |name: &str, shape| {
            let names = (part(&format!("{name}.conv")), part(&format!("{name}.bn")));
            ConvNorm::new(params, (&names.0, &names.1), (shape, eps), seed)
        };
        let dense = branch("rbr_dense", shape)?;
        let point = ConvShape { kernel: [1, 1], padding: [0, 0], ..shape };
        let point = branch("rbr_1x1", point)?;
        let keeps_size = shape.inputs == shape.outputs && shape.stride == 1;
        let identity = keeps_size
            .then(|| BatchNorm::new(params, &part("rbr_identity"), shape.outputs, eps))
            .transpose()?;
        Ok(Self::Branches { dense, point, identity })
    }

    /// # Shapes
    /// - x: `[B, C, H, W]`
    /// - output: `[B, O, H/stride, W/stride]`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Merged(conv) => conv.forward(x)?.relu(),
            Self::Branches { dense, point, identity } => {
                let sum = (dense.forward(x)? + point.forward(x)?)?;
                match identity {
                    Some(norm) => (sum + norm.forward(x)?)?.relu(),
                    None => sum.relu(),
                }
            }
        }
    }

    /// The one convolution that does the same.
    pub(super) fn merged(&self) -> Result<Conv> {
        let (dense, point, identity) = match self {
            Self::Merged(conv) => return Ok(conv.clone()),
            Self::Branches { dense, point, identity } => {
                (dense.merged()?, point.merged()?, identity)
            }
        };
        let identity = match identity {
            None => None,
            Some(norm) => {
                let (scale, shift) = norm.scale_and_shift()?;
                let scale = scale.reshape(((), 1, 1, 1))?;
                Some((identity_kernel(dense.weight())?.broadcast_mul(&scale)?, shift))
            }
        };
        let (mut weight, mut bias) = (dense.weight().clone(), dense.bias()?);
        for (kernel, shift) in [(point.weight().clone(), point.bias()?)].into_iter().chain(identity)
        {
            let centred = kernel.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
            (weight, bias) = ((weight + centred)?, (bias + shift)?);
        }
        Ok(Conv::of(dense.shape(), weight.detach(), bias.detach()))
    }
}

/// The 1×1 kernel that hands every channel on, in the groups of `weight` `[O, C/groups, 3, 3]`.
fn identity_kernel(weight: &Tensor) -> Result<Tensor> {
    let (outputs, of_group, ..) = weight.dims4()?;
    let eye = Tensor::eye(of_group, DType::F32, weight.device())?;
    eye.repeat((outputs / of_group, 1))?.reshape((outputs, of_group, 1, 1))
}
