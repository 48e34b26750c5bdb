//! IResNet, the backbone of ArcFace (insightface's arcface_torch).

use candle_core::{Result, Tensor};

use super::batch_norm::BatchNorm;
use super::conv::ConvShape;
use super::conv_norm::ConvNorm;
use super::embedding_head::EmbeddingHead;
use super::network::{ImageNetwork, Tap};
use super::residual_unit::{ResidualUnit, UnitNames, UnitShape, slope};
use crate::error::{ModelError, ModelResult};
use crate::ops;
use crate::params::Params;

/// Channels of the four stages.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// How many layers a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// IResNet-18.
    L18,
    /// IResNet-34.
    L34,
    /// IResNet-50: `w600k_r50` of buffalo_l.
    L50,
    /// IResNet-100: `glintr100` of antelopev2.
    L100,
}

impl Depth {
    /// The depth of that many layers.
    ///
    /// # Errors
    /// When nobody published such a network.
    pub fn of_layers(layers: usize) -> ModelResult<Self> {
        Ok(match layers {
            18 => Self::L18,
            34 => Self::L34,
            50 => Self::L50,
            100 => Self::L100,
            _ => {
                return Err(ModelError::BadSetting {
                    setting: "layers",
                    got: layers.to_string(),
                    expected: "must be 18, 34, 50 or 100".into(),
                });
            }
        })
    }

    /// Units of the four stages (iresnet.py).
    fn units(self) -> [usize; 4] {
        match self {
            Self::L18 => [2, 2, 2, 2],
            Self::L34 => [3, 4, 6, 3],
            Self::L50 => [3, 4, 14, 3],
            Self::L100 => [3, 13, 30, 3],
        }
    }
}

/// An ArcFace recogniser. Faces are aligned to 112 × 112 and normalised as (x − 127.5)/127.5, RGB;
/// the embedding has 512 numbers and is not normalised.
#[derive(Clone, Debug)]
pub struct IResNet {
    stem: ConvNorm,
    slope: Tensor,
    stages: Vec<Vec<ResidualUnit>>,
    head: EmbeddingHead,
}

impl IResNet {
    /// Declares the parameters of arcface_torch's state dict.
    pub fn new(params: &mut Params, depth: Depth, seed: u64) -> ModelResult<Self> {
        let stem = ConvShape::same(3, WIDTHS[0], [3, 3]);
        let stem = ConvNorm::new(params, ("conv1", "bn1"), (stem, BatchNorm::EPS), seed)?;
        let first_slope = slope(params, "prelu", WIDTHS[0])?;
        let mut stages = vec![];
        let mut inputs = WIDTHS[0];
        for ((outputs, units), stage) in WIDTHS.into_iter().zip(depth.units()).zip(1..) {
            let mut unit = |at: usize| {
                let first = at == 0;
                let (inputs, stride) = if first { (inputs, 2) } else { (outputs, 1) };
                let shape = UnitShape { inputs, outputs, stride, projects: first };
                ResidualUnit::new(params, &names(stage, at), shape, seed)
            };
            stages.push((0..units).map(&mut unit).collect::<ModelResult<_>>()?);
            inputs = outputs;
        }
        let head = EmbeddingHead::new(params, ["bn2", "fc", "features"], true, seed)?;
        Ok(Self { stem, slope: first_slope, stages, head })
    }
}

impl ImageNetwork for IResNet {
    /// # Shapes
    /// - images: `[B, 3, 112, 112]`
    /// - output: `[B, 512]`
    fn forward_tapped(&self, images: &Tensor, tap: Tap) -> Result<Tensor> {
        let mut x = ops::prelu(&self.stem.forward(images)?, &self.slope)?;
        tap("prelu", &x);
        for (stage, at) in self.stages.iter().zip(1..) {
            for unit in stage {
                x = unit.forward(&x)?;
            }
            tap(&format!("layer{at}"), &x);
        }
        self.head.forward(&x, tap)
    }

    fn fold(&mut self) -> Result<()> {
        self.stem.fold()?;
        self.stages.iter_mut().flatten().try_for_each(ResidualUnit::fold)
    }
}

fn names(stage: usize, unit: usize) -> UnitNames {
    let name = |part: &str| format!("layer{stage}.{unit}.{part}");
    UnitNames {
        norm: name("bn1"),
        first: (name("conv1"), Some(name("bn2"))),
        slope: name("prelu"),
        second: [name("conv2"), name("bn3")],
        shortcut: [name("downsample.0"), name("downsample.1")],
    }
}
