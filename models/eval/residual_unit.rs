//! The residual unit that IResNet and IR-101 are built of, under either's names.

use candle_core::{DType, Result, Tensor};

use super::batch_norm::BatchNorm;
use super::conv::{Conv, ConvShape};
use super::conv_norm::ConvNorm;
use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};

/// How the layers of a unit are called in a checkpoint.
pub(super) struct UnitNames {
    /// The BatchNorm in front.
    pub(super) norm: String,
    /// First convolution, and its BatchNorm where there is one.
    pub(super) first: (String, Option<String>),
    /// The PReLU.
    pub(super) slope: String,
    /// Second convolution, which strides, and its BatchNorm.
    pub(super) second: [String; 2],
    /// Convolution and BatchNorm of the shortcut, where there is one.
    pub(super) shortcut: [String; 2],
}

/// The sizes of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitShape {
    /// Channels in.
    pub(super) inputs: usize,
    /// Channels out.
    pub(super) outputs: usize,
    /// Distance between the pixels kept.
    pub(super) stride: usize,
    /// Whether the shortcut is a convolution; else it keeps every `stride`-th pixel as it is.
    pub(super) projects: bool,
}

/// norm → 3×3 (→ norm) → PReLU → 3×3 → norm, plus the shortcut.
#[derive(Clone, Debug)]
pub(super) struct ResidualUnit {
    norm: BatchNorm,
    first: ConvNorm,
    slope: Tensor,
    second: ConvNorm,
    shortcut: Option<ConvNorm>,
    stride: usize,
}

impl ResidualUnit {
    /// Declares the layers under `names`.
    pub(super) fn new(
        params: &mut Params,
        names: &UnitNames,
        shape: UnitShape,
        seed: u64,
    ) -> ModelResult<Self> {
        let UnitShape { inputs, outputs, stride, projects } = shape;
        let eps = BatchNorm::EPS;
        let norm = BatchNorm::new(params, &names.norm, inputs, eps)?;
        let mut conv = |[conv, norm]: &[String; 2], shape| {
            ConvNorm::new(params, (conv, norm), (shape, eps), seed)
        };
        let wide = ConvShape::same(outputs, outputs, [3, 3]).every(stride);
        let second = conv(&names.second, wide)?;
        let point = ConvShape::valid(inputs, outputs, [1, 1]).every(stride);
        let shortcut = projects.then(|| conv(&names.shortcut, point)).transpose()?;
        let near = ConvShape::same(inputs, outputs, [3, 3]);
        let first = match &names.first {
            (conv, Some(norm)) => ConvNorm::new(params, (conv, norm), (near, eps), seed)?,
            (conv, None) => ConvNorm::Alone(Conv::new(params, conv, near, seed)?),
        };
        let slope = slope(params, &names.slope, outputs)?;
        Ok(Self { norm, first, slope, second, shortcut, stride })
    }

    /// The unit's output.
    ///
    /// # Shapes
    /// - x: `[B, C, H, W]`
    /// - output: `[B, O, H/stride, W/stride]`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.first.forward(&self.norm.forward(x)?)?;
        let y = self.second.forward(&ops::prelu(&y, &self.slope)?)?;
        match &self.shortcut {
            Some(shortcut) => y + shortcut.forward(x)?,
            None => y + every(x, self.stride)?,
        }
    }

    /// Folds the BatchNorms behind convolutions. The one in front stays: the padding behind it is
    /// zero after the norm, not before.
    pub(super) fn fold(&mut self) -> Result<()> {
        self.first.fold()?;
        self.second.fold()?;
        self.shortcut.iter_mut().try_for_each(ConvNorm::fold)
    }
}

/// Declares `<name>.weight`, the slopes of a PReLU (PyTorch's 0.25).
pub(super) fn slope(params: &mut Params, name: &str, channels: usize) -> ModelResult<Tensor> {
    let quarter = (Tensor::ones(channels, DType::F32, params.device())? * 0.25)?;
    params.add(&format!("{name}.weight"), &quarter, Group::NoDecay)
}

/// Every `stride`-th pixel from the first, both ways.
fn every(x: &Tensor, stride: usize) -> Result<Tensor> {
    if stride == 1 {
        return Ok(x.clone());
    }
    [2, 3].into_iter().try_fold(x.clone(), |x, axis| {
        let places = Tensor::arange_step(0, x.dim(axis)? as u32, stride as u32, x.device())?;
        x.index_select(&places, axis)
    })
}
