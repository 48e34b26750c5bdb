//! IR-101, the backbone of CurricularFace, in its two published forms.

use candle_core::{Result, Tensor};

use super::batch_norm::BatchNorm;
use super::conv::ConvShape;
use super::conv_norm::ConvNorm;
use super::embedding_head::EmbeddingHead;
use super::network::{ImageNetwork, Tap};
use super::residual_unit::{ResidualUnit, UnitNames, UnitShape, slope};
use crate::error::ModelResult;
use crate::ops;
use crate::params::Params;

/// Channels and units of the four stages.
const STAGES: [(usize, usize); 4] = [(64, 3), (128, 13), (256, 30), (512, 3)];

/// Whose code a checkpoint belongs to. Within the units only the order of layers tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The authors', HuangYG123/CurricularFace: units without a BatchNorm before the PReLU.
    CurricularFace,
    /// Tencent's TFace: with one. ConsisID's FaceSim-Cur uses this form.
    TFace,
}

/// A CurricularFace recogniser. Faces are aligned to 112 × 112 and normalised as
/// (x/255 − 0.5)/0.5, RGB; the embedding has 512 numbers and is not normalised.
#[derive(Clone, Debug)]
pub struct Ir101 {
    stem: ConvNorm,
    slope: Tensor,
    body: Vec<ResidualUnit>,
    head: EmbeddingHead,
}

impl Ir101 {
    /// Declares the parameters of that form's state dict.
    pub fn new(params: &mut Params, form: Form, seed: u64) -> ModelResult<Self> {
        let widths = STAGES.map(|(width, _)| width);
        let stem = ConvShape::same(3, widths[0], [3, 3]);
        let names = ("input_layer.0", "input_layer.1");
        let stem = ConvNorm::new(params, names, (stem, BatchNorm::EPS), seed)?;
        let first_slope = slope(params, "input_layer.2", widths[0])?;
        let names = ["output_layer.0", "output_layer.3", "output_layer.4"];
        let head = EmbeddingHead::new(params, names, false, seed)?;
        let mut body = vec![];
        let mut inputs = widths[0];
        for (outputs, units) in STAGES {
            for at in 0..units {
                let stride = if at == 0 { 2 } else { 1 };
                let shape = UnitShape { inputs, outputs, stride, projects: inputs != outputs };
                body.push(ResidualUnit::new(params, &unit_names(form, body.len()), shape, seed)?);
                inputs = outputs;
            }
        }
        Ok(Self { stem, slope: first_slope, body, head })
    }
}

impl ImageNetwork for Ir101 {
    /// # Shapes
    /// - images: `[B, 3, 112, 112]`
    /// - output: `[B, 512]`
    fn forward_tapped(&self, images: &Tensor, tap: Tap) -> Result<Tensor> {
        let mut x = ops::prelu(&self.stem.forward(images)?, &self.slope)?;
        tap("input_layer", &x);
        for (at, unit) in self.body.iter().enumerate() {
            x = unit.forward(&x)?;
            tap(&format!("body.{at}"), &x);
        }
        self.head.forward(&x, tap)
    }

    fn fold(&mut self) -> Result<()> {
        self.stem.fold()?;
        self.body.iter_mut().try_for_each(ResidualUnit::fold)
    }
}

fn unit_names(form: Form, unit: usize) -> UnitNames {
    let layer = |at: usize| format!("body.{unit}.res_layer.{at}");
    let shortcut = |at: usize| format!("body.{unit}.shortcut_layer.{at}");
    let normed = form == Form::TFace;
    let slope = 2 + usize::from(normed);
    UnitNames {
        norm: layer(0),
        first: (layer(1), normed.then(|| layer(2))),
        slope: layer(slope),
        second: [layer(slope + 1), layer(slope + 2)],
        shortcut: [shortcut(0), shortcut(1)],
    }
}
