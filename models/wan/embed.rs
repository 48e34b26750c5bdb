//! What enters the blocks: latent patches, timestep, text and image tokens as vectors of width D.

use candle_core::{DType, Result, Tensor, bail};

use super::config::{ImageConfig, WanConfig};
use super::declare::{Declare, Init, Projection};
use crate::error::ModelResult;
use crate::lora::Lora;
use crate::ops;
use crate::sinusoid::Sinusoid;

/// Standard deviation of text and time weights at the start (METHOD §1.2).
const EMBEDDING_STD: f32 = 0.02;

/// A strided convolution with kernel = stride, as one product over cut-out patches.
#[derive(Clone, Debug)]
pub(super) struct PatchEmbedding {
    projection: Projection,
    patch: [usize; 3],
}

impl PatchEmbedding {
    pub(super) fn new(
        config: &WanConfig,
        declare: &mut Declare,
        (name, channels): (&str, usize),
    ) -> ModelResult<Self> {
        let [t, h, w] = config.patch;
        let sizes = (channels * config.patch_values(), config.dim);
        let shape = [config.dim, channels, t, h, w];
        let projection = declare.kernel(name, sizes, (&shape, Init::Xavier))?;
        Ok(Self { projection, patch: config.patch })
    }

    /// Tokens in order (t, h, w), w fastest.
    ///
    /// # Shapes
    /// - latent: `[B, C, F, H, W]`
    /// - output: `[B, L, D]`
    pub(super) fn forward(&self, latent: &Tensor) -> Result<Tensor> {
        let (b, c, ..) = latent.dims5()?;
        let [pt, ph, pw] = self.patch;
        let [t, h, w] = token_grid(latent, self.patch)?;
        let patches = latent
            .reshape(vec![b, c, t, pt, h, ph, w, pw])?
            .permute(vec![0, 2, 4, 6, 1, 3, 5, 7])?
            .reshape((b, t * h * w, c * pt * ph * pw))?;
        // Adapters know matrices only, and this is a convolution's kernel.
        self.projection.forward(&patches, None)
    }
}

/// Tokens of a latent along time, height and width.
pub(super) fn token_grid(latent: &Tensor, patch: [usize; 3]) -> Result<[usize; 3]> {
    let (_, _, f, h, w) = latent.dims5()?;
    let [pt, ph, pw] = patch;
    if [f % pt, h % ph, w % pw] != [0; 3] || f * h * w == 0 {
        bail!(
            "a latent of {f} frames, {h} rows and {w} columns cannot be cut into patches of {pt}, \
             {ph} and {pw}; make each a multiple above 0"
        );
    }
    Ok([f / pt, h / ph, w / pw])
}

/// Sinusoid → linear → SiLU → linear, and its projections to six modulation rows.
#[derive(Clone, Debug)]
pub(super) struct TimeEmbedding {
    sinusoid: Sinusoid,
    first: Projection,
    second: Projection,
    /// The base's, then those of the named sets.
    projections: Vec<Projection>,
}

impl TimeEmbedding {
    pub(super) fn new(config: &WanConfig, declare: &mut Declare) -> ModelResult<Self> {
        let (d, init) = (config.dim, Init::Normal(EMBEDDING_STD));
        let first = declare.projection("time_embedding.0", (config.freq_dim, d), init)?;
        let second = declare.projection("time_embedding.2", (d, d), init)?;
        let mut project = |name: &str| declare.projection(name, (d, 6 * d), Init::Xavier);
        let mut projections = vec![project("time_projection.1")?];
        for set in &config.modulations {
            projections.push(project(&format!("time_projection_{}.1", set.name))?);
        }
        let sinusoid = Sinusoid { dim: config.freq_dim, cos_first: true, shift: 0.0, scale: 1.0 };
        Ok(Self { sinusoid, first, second, projections })
    }

    /// # Shapes
    /// - timestep: `[B]`, or `[B, L]` for one per token; t in [0, 1000]
    /// - output: `[B, 1 or L, D]`
    pub(super) fn embed(&self, timestep: &Tensor, lora: Option<&Lora>) -> Result<Tensor> {
        let (b, l) = match timestep.dims() {
            [b] => (*b, 1),
            [b, l] => (*b, *l),
            dims => bail!("expected timesteps `[B]` or `[B, L]`, found {dims:?}"),
        };
        let steps = timestep.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let features: Vec<f32> = steps.iter().flat_map(|&t| self.sinusoid.embed(t)).collect();
        let features = Tensor::from_vec(features, (b, l, self.sinusoid.dim), timestep.device())?;
        self.second.forward(&ops::silu(&self.first.forward(&features, lora)?)?, lora)
    }

    /// The modulation rows of one set of weights: 0 is the base's.
    ///
    /// # Shapes
    /// - embedded: `[B, 1 or L, D]`
    /// - output: `[B, 1 or L, 6, D]`
    pub(super) fn rows(
        &self,
        embedded: &Tensor,
        set: usize,
        lora: Option<&Lora>,
    ) -> Result<Tensor> {
        let Some(projection) = self.projections.get(set) else {
            bail!("the network has no modulation {set}")
        };
        let (b, l, d) = embedded.dims3()?;
        projection.forward(&ops::silu(embedded)?, lora)?.reshape((b, l, 6, d))
    }
}

/// Text rows → linear → GELU → linear, padding included.
#[derive(Clone, Debug)]
pub(super) struct TextEmbedding {
    first: Projection,
    second: Projection,
    rows: Option<usize>,
}

impl TextEmbedding {
    pub(super) fn new(config: &WanConfig, declare: &mut Declare) -> ModelResult<Self> {
        let (d, init) = (config.dim, Init::Normal(EMBEDDING_STD));
        let first = declare.projection("text_embedding.0", (config.text_dim, d), init)?;
        let second = declare.projection("text_embedding.2", (d, d), init)?;
        Ok(Self { first, second, rows: config.text_len })
    }

    /// # Shapes
    /// - text: `[B, Lt, text_dim]`
    /// - output: `[B, Lt or text_len, D]`
    pub(super) fn forward(&self, text: &Tensor, lora: Option<&Lora>) -> Result<Tensor> {
        let rows = text.dim(1)?;
        let text = match self.rows {
            Some(limit) if rows > limit => {
                bail!("the text has {rows} rows, but the network takes {limit}; truncate it")
            }
            Some(limit) => text.pad_with_zeros(1, 0, limit - rows)?,
            None => text.clone(),
        };
        self.second.forward(&ops::gelu(&self.first.forward(&text, lora)?)?, lora)
    }
}

/// Image tokens → norm → linear → GELU → linear → norm.
#[derive(Clone, Debug)]
pub(super) struct ImageEmbedding {
    norm_in: (Tensor, Tensor),
    first: Projection,
    second: Projection,
    norm_out: (Tensor, Tensor),
}

impl ImageEmbedding {
    pub(super) fn new(
        config: &WanConfig,
        image: ImageConfig,
        declare: &mut Declare,
    ) -> ModelResult<Self> {
        let mut declare = declare.at("img_emb");
        let (i, d) = (image.dim, config.dim);
        let norm_in = (declare.norm_weight("proj.0", i)?, declare.norm_bias("proj.0", i)?);
        let first = declare.projection("proj.1", (i, i), Init::Xavier)?;
        let second = declare.projection("proj.3", (i, d), Init::Xavier)?;
        let norm_out = (declare.norm_weight("proj.4", d)?, declare.norm_bias("proj.4", d)?);
        Ok(Self { norm_in, first, second, norm_out })
    }

    /// # Shapes
    /// - tokens: `[B, Li, image.dim]`
    /// - output: `[B, Li, D]`
    pub(super) fn forward(&self, tokens: &Tensor, lora: Option<&Lora>) -> Result<Tensor> {
        const EPS: f32 = 1e-5; // torch's LayerNorm default, which this module alone keeps
        let norm =
            |x: &Tensor, (weight, bias): &(Tensor, Tensor)| ops::layer_norm(x, weight, bias, EPS);
        let hidden = self.first.forward(&norm(tokens, &self.norm_in)?, lora)?;
        // torch's GELU default: the exact form, unlike everywhere else in Wan.
        norm(&self.second.forward(&hidden.gelu_erf()?, lora)?, &self.norm_out)
    }
}
