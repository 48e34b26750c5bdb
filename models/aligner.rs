//! The pose-shared identity aligner: a face and its Euler angles to S (paper §3.3, Fig. 3).

use std::str::FromStr;
use std::sync::Arc;

use candle_core::{D, Result, Tensor};

use crate::dictionary::{
    AlignerOutput, Dictionary, DictionaryConfig, Normalizer, Pool, PooledMlp, Temperature,
};
use crate::error::{ModelError, ModelResult};
use crate::euler::{EulerEmbedding, EulerKind};
use crate::params::Params;
use crate::vit::{Tokenizer, Vit, VitConfig};

/// Factor on the pooled correlations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationScale {
    /// 1: Eq. 3 as printed.
    One,
    /// 1/√D.
    RsqrtWidth,
}

impl FromStr for CorrelationScale {
    type Err = ModelError;

    /// `one` or `rsqrt_width`.
    fn from_str(name: &str) -> ModelResult<Self> {
        match name {
            "one" => Ok(Self::One),
            "rsqrt_width" => Ok(Self::RsqrtWidth),
            _ => Err(unknown("scale", name, &["one", "rsqrt_width"])),
        }
    }
}

/// Normalisation of S where it leaves the aligner. Eq. 5 takes cosines and does not see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputNorm {
    /// Unit length.
    L2,
    /// Unit root mean square.
    Rms,
    /// S as Eq. 4 gives it.
    None,
}

impl FromStr for OutputNorm {
    type Err = ModelError;

    /// `l2`, `rms` or `none`.
    fn from_str(name: &str) -> ModelResult<Self> {
        match name {
            "l2" => Ok(Self::L2),
            "rms" => Ok(Self::Rms),
            "none" => Ok(Self::None),
            _ => Err(unknown("output norm", name, &["l2", "rms", "none"])),
        }
    }
}

/// What makes S of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixer {
    /// The pose-shared dictionary of Eq. 3–4.
    Dictionary,
    /// An MLP with as many weights: a control.
    Mlp,
}

impl FromStr for Mixer {
    type Err = ModelError;

    /// `dictionary` or `mlp`.
    fn from_str(name: &str) -> ModelResult<Self> {
        match name {
            "dictionary" => Ok(Self::Dictionary),
            "mlp" => Ok(Self::Mlp),
            _ => Err(unknown("mixer", name, &["dictionary", "mlp"])),
        }
    }
}

fn unknown(kind: &'static str, name: &str, known: &'static [&'static str]) -> ModelError {
    ModelError::UnknownName { kind, name: name.to_owned(), known }
}

/// Everything that defines an aligner before training.
#[derive(Clone)]
pub struct AlignerConfig {
    /// The face tokenizer; its width is the aligner's D.
    pub vit: VitConfig,
    /// Euler-angle embedding.
    pub euler: EulerKind,
    /// What makes S of the tokens.
    pub mixer: Mixer,
    /// Dictionary elements C.
    pub elements: usize,
    /// Pooling over tokens (Table 4): built in, or a script's.
    pub pool: Arc<dyn Pool>,
    /// Normaliser of the dictionary weights: built in, or a script's.
    pub normalizer: Arc<dyn Normalizer>,
    /// Factor on the pooled correlations.
    pub scale: CorrelationScale,
    /// Divisor of the pooled correlations.
    pub temperature: Temperature,
    /// Standard deviation of the dictionary at the start.
    pub dictionary_std: f64,
    /// Normalisation of S where it leaves the aligner.
    pub output_norm: OutputNorm,
}

/// Tokenizer + Euler embedding + dictionary.
#[derive(Clone)]
pub struct Aligner {
    tokenizer: Arc<dyn Tokenizer>,
    euler: EulerEmbedding,
    mixing: Mixing,
    output_norm: OutputNorm,
    image_px: usize,
}

/// The network of a [`Mixer`].
#[derive(Clone)]
enum Mixing {
    Dictionary(Dictionary),
    Mlp(PooledMlp),
}

impl Aligner {
    /// Declares `tokenizer.…`, `euler.…` and `dictionary.weight` or `mlp.…` in `params`, with
    /// initial values from `seed`.
    pub fn new(config: AlignerConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        let (width, image_px) = (config.vit.width, config.vit.image_px);
        let tokenizer = Arc::new(Vit::new(config.vit, params, "tokenizer", seed)?);
        let euler = EulerEmbedding::new(config.euler, params, ("euler", width), seed)?;
        let output_norm = config.output_norm;
        let mixing = Mixing::new(config, params, seed)?;
        Ok(Self { tokenizer, euler, mixing, output_norm, image_px })
    }

    /// W and S of a batch of faces at a training step (which sets the temperature).
    ///
    /// # Shapes
    /// - images_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - eulers_b3: `[B, 3]`, radians, order pitch, yaw, roll
    /// - output: W `[B, C]`, S `[B, D]`
    pub fn forward(
        &self,
        images_bchw: &Tensor,
        eulers_b3: &Tensor,
        step: u64,
    ) -> Result<AlignerOutput> {
        let e_bld = self.embed(images_bchw, eulers_b3)?;
        match &self.mixing {
            Mixing::Dictionary(dictionary) => dictionary.forward(&e_bld, step),
            Mixing::Mlp(mlp) => mlp.forward(&e_bld),
        }
    }

    /// E: the tokens with their Euler embedding added.
    ///
    /// # Shapes
    /// - images_bchw: `[B, 3, H, W]`, eulers_b3: `[B, 3]`
    /// - output: `[B, L, D]`
    pub fn embed(&self, images_bchw: &Tensor, eulers_b3: &Tensor) -> Result<Tensor> {
        let tokens_bld = self.tokenizer.tokens(images_bchw)?;
        match self.euler.forward(eulers_b3)? {
            Some(euler_bd) => tokens_bld.broadcast_add(&euler_bd.unsqueeze(1)?),
            None => Ok(tokens_bld),
        }
    }

    /// S as it leaves the aligner for a generator, normalised as configured.
    ///
    /// # Shapes
    /// - shared_bd: `[B, D]`
    /// - output: `[B, D]`
    pub fn normalized(&self, shared_bd: &Tensor) -> Result<Tensor> {
        let width = shared_bd.dim(D::Minus1)? as f64;
        match self.output_norm {
            OutputNorm::L2 => unit_rows(shared_bd),
            OutputNorm::Rms => unit_rows(shared_bd)? * width.sqrt(),
            OutputNorm::None => Ok(shared_bd.clone()),
        }
    }

    /// Side of the pictures that it reads, in pixels.
    pub fn image_px(&self) -> usize {
        self.image_px
    }

    /// Tokens per face L.
    pub fn tokens_per_face(&self) -> usize {
        self.tokenizer.tokens_per_face()
    }

    /// Width D of tokens and of S.
    pub fn width(&self) -> usize {
        self.tokenizer.width()
    }
}

impl Mixing {
    fn new(config: AlignerConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        let width = config.vit.width;
        if config.mixer == Mixer::Mlp {
            let sizes = ("mlp", width, config.elements);
            return PooledMlp::new(config.pool, params, sizes, seed).map(Self::Mlp);
        }
        let scale = match config.scale {
            CorrelationScale::One => 1.0,
            CorrelationScale::RsqrtWidth => 1.0 / (width as f64).sqrt(),
        };
        let dictionary = DictionaryConfig {
            elements: config.elements,
            width,
            std: config.dictionary_std,
            pool: config.pool,
            normalizer: config.normalizer,
            scale,
            temperature: config.temperature,
        };
        Dictionary::new(dictionary, params, "dictionary", seed).map(Self::Dictionary)
    }
}

/// Rows scaled to unit length; a zero row stays zero and gets a zero gradient.
///
/// # Shapes
/// - x: `[B, D]`
/// - output: `[B, D]`
pub(crate) fn unit_rows(x: &Tensor) -> Result<Tensor> {
    const TINY: f64 = 1e-24; // (PyTorch's normalize guard 1e-12)², inside the root
    let length = (x.sqr()?.sum_keepdim(D::Minus1)? + TINY)?.sqrt()?;
    x.broadcast_div(&length)
}
