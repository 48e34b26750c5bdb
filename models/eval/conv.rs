//! A convolution layer of images.

use candle_core::{DType, Result, Tensor};

use crate::error::ModelResult;
use crate::ops::{self, Conv2d};
use crate::params::{Group, Params};
use crate::stream::Stream;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvShape {
    /// Channels in.
    pub(super) inputs: usize,
    /// Channels out.
    pub(super) outputs: usize,
    /// Height and width of the kernel.
    pub(super) kernel: [usize; 2],
    /// Distance between windows, both ways.
    pub(super) stride: usize,
    /// Zeros added above and below, and left and right.
    pub(super) padding: [usize; 2],
    /// Independent groups of channels.
    pub(super) groups: usize,
}

impl ConvShape {
    /// A kernel without padding, at every pixel.
    pub(super) fn valid(inputs: usize, outputs: usize, kernel: [usize; 2]) -> Self {
        Self { inputs, outputs, kernel, stride: 1, padding: [0; 2], groups: 1 }
    }

    /// A kernel of odd sides, padded so that the image keeps its size.
    pub(super) fn same(inputs: usize, outputs: usize, kernel: [usize; 2]) -> Self {
        let padding = kernel.map(|side| side / 2);
        Self { padding, ..Self::valid(inputs, outputs, kernel) }
    }

    /// The same with another stride.
    pub(super) fn every(self, stride: usize) -> Self {
        Self { stride, ..self }
    }
}

/// A convolution, with or without a bias.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    shape: ConvShape,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Conv {
    /// Declares `<name>.weight`, He-uniform, and no bias.
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        shape: ConvShape,
        seed: u64,
    ) -> ModelResult<Self> {
        let name = format!("{name}.weight");
        let ConvShape { inputs, outputs, kernel: [height, width], groups, .. } = shape;
        let fan_in = inputs / groups * height * width;
        let bound = (6.0 / fan_in as f32).sqrt(); // He et al. 2015, for a ReLU behind
        let init = Stream::new(seed, &format!("init/{name}"), 0).uniform_tensor(
            (outputs, inputs / groups, height, width),
            bound,
            params.device(),
        )?;
        Ok(Self { shape, weight: params.add(&name, &init, Group::Decay)?, bias: None })
    }

    /// Declares `<name>.weight` and `<name>.bias` (zeros).
    pub(super) fn with_bias(
        params: &mut Params,
        name: &str,
        shape: ConvShape,
        seed: u64,
    ) -> ModelResult<Self> {
        let conv = Self::new(params, name, shape, seed)?;
        let zeros = Tensor::zeros(shape.outputs, DType::F32, params.device())?;
        let bias = params.add(&format!("{name}.bias"), &zeros, Group::NoDecay)?;
        Ok(Self { bias: Some(bias), ..conv })
    }

    /// A convolution with a kernel and bias computed elsewhere.
    pub(super) fn of(shape: ConvShape, weight: Tensor, bias: Tensor) -> Self {
        Self { shape, weight, bias: Some(bias) }
    }

    /// Its sizes.
    pub(super) fn shape(&self) -> ConvShape {
        self.shape
    }

    /// Its kernel, `[O, C/groups, kh, kw]`.
    pub(super) fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Its bias, `[O]`: zeros if it has none.
    pub(super) fn bias(&self) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => Ok(bias.clone()),
            None => Tensor::zeros(self.shape.outputs, DType::F32, self.weight.device()),
        }
    }

    /// The convolved images.
    ///
    /// # Shapes
    /// - x: `[B, C, H, W]`
    /// - output: `[B, O, H', W']`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let ConvShape { stride, padding: [rows, columns], groups, .. } = self.shape;
        let conv = Conv2d { stride, padding: [rows, rows, columns, columns], groups };
        ops::conv2d(x, &self.weight, self.bias.as_ref(), conv)
    }
}
