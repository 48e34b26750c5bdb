//! The layers that everything is built from: convolutions and the norm.

use candle_core::{DType, Result, Tensor};

use super::history::{History, last_frames};
use crate::error::ModelResult;
use crate::ops::{self, Conv2d, Conv3d};
use crate::params::{Group, Params};
use crate::stream::Stream;

/// Weight and bias of a convolution.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    weight: Tensor,
    bias: Tensor,
}

impl Kernel {
    /// Declares `<name>.weight` and `<name>.bias`, uniform as torch's convolutions start.
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        shape: &[usize],
        seed: u64,
    ) -> ModelResult<Self> {
        let inputs: usize = shape.iter().skip(1).product();
        let bound = 1.0 / (inputs.max(1) as f32).sqrt(); // Kaiming with a = √5
        let device = params.device().clone();
        let mut stream = Stream::new(seed, &format!("init/{name}"), 0);
        let weight = stream.uniform_tensor(shape, bound, &device)?;
        let bias = stream.uniform_tensor(shape.first().copied().unwrap_or(0), bound, &device)?;
        Ok(Self {
            weight: params.add(&format!("{name}.weight"), &weight, Group::Decay)?,
            bias: params.add(&format!("{name}.bias"), &bias, Group::NoDecay)?,
        })
    }

    /// The convolution of each picture `[N, C, H, W]`.
    pub(super) fn on_pictures(&self, x: &Tensor, conv: Conv2d) -> Result<Tensor> {
        ops::conv2d(x, &self.weight, Some(&self.bias), conv)
    }

    /// The convolution of films `[B, T, C, H, W]`.
    pub(super) fn on_films(&self, x: &Tensor, conv: Conv3d) -> Result<Tensor> {
        ops::conv3d(x, &self.weight, Some(&self.bias), conv)
    }
}

/// A 1×1×1 convolution.
#[derive(Clone, Debug)]
pub(super) struct Pointwise(Kernel);

impl Pointwise {
    /// `sizes` is (inputs, outputs).
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        (inputs, outputs): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        Ok(Self(Kernel::new(params, name, &[outputs, inputs, 1, 1, 1], seed)?))
    }

    /// `[B, T, inputs, H, W]` → `[B, T, outputs, H, W]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.on_films(x, Conv3d { frame: Conv2d::default(), time_stride: 1 })
    }
}

/// A 3×3×3 convolution that sees a frame and the two before it.
#[derive(Clone, Debug)]
pub(super) struct CausalConv(Kernel);

impl CausalConv {
    /// Frames before the present one that are seen.
    const BACK: usize = 2;

    /// `sizes` is (inputs, outputs).
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        (inputs, outputs): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        Ok(Self(Kernel::new(params, name, &[outputs, inputs, 3, 3, 3], seed)?))
    }

    /// `[B, T, inputs, H, W]` → `[B, T, outputs, H, W]`. Before the first frame there is black.
    pub(super) fn forward(&self, x: &Tensor, history: &mut History) -> Result<Tensor> {
        let slot = history.slot();
        let before = match slot.take() {
            Some(before) => before,
            None => black(x, Self::BACK)?,
        };
        let film = Tensor::cat(&[&before, x], 1)?;
        *slot = Some(last_frames(&film, Self::BACK)?);
        self.0.on_films(&film, Conv3d { frame: Conv2d::padded(1), time_stride: 1 })
    }
}

/// Zero frames of the size of those of `[B, T, C, H, W]`.
pub(super) fn black(film: &Tensor, frames: usize) -> Result<Tensor> {
    let (b, _, c, h, w) = film.dims5()?;
    Tensor::zeros((b, frames, c, h, w), film.dtype(), film.device())
}

/// √C · x / ‖x‖ · gamma over the channels of a pixel.
#[derive(Clone, Debug)]
pub(super) struct ChannelNorm {
    gamma: Tensor,
}

impl ChannelNorm {
    /// Declares `<name>.gamma` (ones) of `shape`, whose first side is the channels.
    pub(super) fn new(params: &mut Params, name: &str, shape: &[usize]) -> ModelResult<Self> {
        let ones = Tensor::ones(shape, DType::F32, params.device())?;
        Ok(Self { gamma: params.add(&format!("{name}.gamma"), &ones, Group::NoDecay)? })
    }

    /// `[N, C, H, W]` → `[N, C, H, W]`.
    pub(super) fn on_pictures(&self, x: &Tensor) -> Result<Tensor> {
        ops::channel_rms_norm(x, &self.gamma.flatten_all()?)
    }

    /// `[B, T, C, H, W]` → `[B, T, C, H, W]`.
    pub(super) fn on_films(&self, x: &Tensor) -> Result<Tensor> {
        self.on_pictures(&x.flatten(0, 1)?)?.reshape(x.shape())
    }
}
