//! The transformer that both towers are made of, under transformers' names.

use candle_core::{D, Result, Shape, Tensor};

use super::config::TowerConfig;
use crate::error::ModelResult;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::ops;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// ε of every LayerNorm.
pub(super) const EPS: f32 = 1e-5;

/// The blocks of a tower.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    blocks: Vec<Block>,
}

impl Encoder {
    /// Declares `<name>.layers.0` and on.
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        config: TowerConfig,
        seed: u64,
    ) -> ModelResult<Self> {
        let block = |at| Block::new(params, &format!("{name}.layers.{at}"), config, seed);
        Ok(Self { blocks: (0..config.depth).map(block).collect::<ModelResult<_>>()? })
    }

    /// The states of all tokens; `mask` is added to the scores of attention, −∞ where a token must
    /// not look.
    ///
    /// # Shapes
    /// - x: `[B, L, D]`
    /// - mask: `[B, 1, L, L]`
    /// - output: `[B, L, D]`
    pub(super) fn forward(&self, x_bld: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let mut x = x_bld.clone();
        for block in &self.blocks {
            x = block.forward(&x, mask)?;
        }
        Ok(x)
    }
}

/// x + attention(norm(x)), then x + MLP(norm(x)).
#[derive(Clone, Debug)]
struct Block {
    heads: usize,
    norm1: LayerNorm,
    key: Linear,
    value: Linear,
    query: Linear,
    out: Linear,
    norm2: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl Block {
    fn new(params: &mut Params, name: &str, config: TowerConfig, seed: u64) -> ModelResult<Self> {
        let TowerConfig { width, hidden, heads, .. } = config;
        let mut linear =
            |part: &str, sizes| Linear::new(params, &format!("{name}.{part}"), sizes, seed);
        let (key, value) = (
            linear("self_attn.k_proj", (width, width))?,
            linear("self_attn.v_proj", (width, width))?,
        );
        let (query, out) = (
            linear("self_attn.q_proj", (width, width))?,
            linear("self_attn.out_proj", (width, width))?,
        );
        let (expand, contract) =
            (linear("mlp.fc1", (width, hidden))?, linear("mlp.fc2", (hidden, width))?);
        let mut norm =
            |part: &str| LayerNorm::with_eps(params, &format!("{name}.{part}"), width, EPS);
        let (norm1, norm2) = (norm("layer_norm1")?, norm("layer_norm2")?);
        Ok(Self { heads, norm1, key, value, query, out, norm2, expand, contract })
    }

    fn forward(&self, x_bld: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let x = (x_bld + self.attend(&self.norm1.forward(x_bld)?, mask)?)?;
        let hidden = quick_gelu(&self.expand.forward(&self.norm2.forward(&x)?)?)?;
        x + self.contract.forward(&hidden)?
    }

    fn attend(&self, x_bld: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (b, l, d) = x_bld.dims3()?;
        let heads = |projection: &Linear| {
            let x = projection.forward(x_bld)?;
            x.reshape((b, l, self.heads, d / self.heads))?.transpose(1, 2)
        };
        let (q, k, v) = (heads(&self.query)?, heads(&self.key)?, heads(&self.value)?);
        let found_bhld = match mask {
            None => ops::attention(&q, &k, &v)?,
            Some(mask) => masked_attention([&q, &k, &v], mask)?,
        };
        self.out.forward(&found_bhld.transpose(1, 2)?.reshape((b, l, d))?)
    }
}

/// softmax(q·kᵀ/√Dh + mask)·v, `[B, H, L, Dh]` throughout. Texts have at most 77 tokens: the scores
/// of all heads fit, and no fused operation is worth its while.
fn masked_attention([q, k, v]: [&Tensor; 3], mask: &Tensor) -> Result<Tensor> {
    let scale = 1.0 / (q.dim(D::Minus1)? as f64).sqrt();
    let (q, k, v) = ((q * scale)?.contiguous()?, k.contiguous()?, v.contiguous()?);
    let scores = q.matmul(&k.transpose(D::Minus2, D::Minus1)?)?;
    ops::softmax(&scores.broadcast_add(mask)?)?.matmul(&v)
}

/// x·sigmoid(1.702·x), the GELU of OpenAI's weights.
fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    const STEEPNESS: f64 = 1.702;
    ops::silu(&(x * STEEPNESS)?)? / STEEPNESS
}

/// Declares learnt vectors under `name`.
pub(super) fn table<S: Into<Shape>>(
    params: &mut Params,
    name: &str,
    shape: S,
    seed: u64,
) -> ModelResult<Tensor> {
    const BOUND: f32 = 0.034_641; // standard deviation 0.02, as in the published initialisation
    let init = Stream::new(seed, &format!("init/{name}"), 0).uniform_tensor(
        shape,
        BOUND,
        params.device(),
    )?;
    params.add(name, &init, Group::NoDecay)
}
