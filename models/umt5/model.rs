//! The encoder: embedding, blocks of attention and gated feed-forward, norm.
//!
//! Unlike T5, every block has its own table of relative positions; unlike other transformers,
//! scores are not divided by √d.

use candle_core::{D, DType, Result, Tensor, bail};

use super::Umt5Config;
use super::position::PositionBias;
use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};

/// A UMT5 encoder, under the parameter names of Wan's authors.
#[derive(Clone, Debug)]
pub struct Umt5 {
    config: Umt5Config,
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Norm,
}

impl Umt5 {
    /// Declares all parameters. They start at zero (norms at one): the encoder is never trained
    /// here, and numbers for 5.7 billion parameters are not drawn to be overwritten.
    pub fn new(config: &Umt5Config, params: &mut Params) -> ModelResult<Self> {
        config.check()?;
        let embedding = matrix(params, "token_embedding", config.vocab, config.dim)?;
        let blocks = (0..config.layers)
            .map(|at| Block::new(config, params, &format!("blocks.{at}")))
            .collect::<ModelResult<_>>()?;
        let norm = Norm::new(config, params, "norm")?;
        Ok(Self { config: *config, embedding, blocks, norm })
    }

    /// The sizes.
    pub fn config(&self) -> &Umt5Config {
        &self.config
    }

    /// The features of tokens. Of a padded batch, `lengths` says how many tokens of each row are
    /// meant; the features of the others mean nothing.
    ///
    /// # Shapes
    /// - ids: `[B, L]`, u32
    /// - output: `[B, L, D]`
    pub fn forward(&self, ids: &Tensor, lengths: Option<&[usize]>) -> Result<Tensor> {
        self.forward_watched(ids, lengths, &mut |_| ())
    }

    /// As [`forward`](Self::forward), and shows the embedding and then what each block makes of
    /// it, before the last norm.
    pub fn forward_watched(
        &self,
        ids: &Tensor,
        lengths: Option<&[usize]>,
        watch: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let (b, l) = ids.dims2()?;
        let mask = lengths.map(|lengths| mask(ids, lengths)).transpose()?;
        let ids = ids.to_dtype(DType::U32)?.flatten_all()?.contiguous()?;
        let rows = self.embedding.index_select(&ids, 0)?.to_dtype(DType::F32)?;
        let mut x_bld = rows.reshape((b, l, self.config.dim))?;
        watch(&x_bld);
        for block in &self.blocks {
            x_bld = block.forward(&x_bld, mask.as_ref())?;
            watch(&x_bld);
        }
        self.norm.forward(&x_bld)
    }

    /// What block `at` adds to the scores of `length` tokens, `[1, H, L, L]`.
    pub fn position_bias(&self, at: usize, length: usize) -> Result<Tensor> {
        match self.blocks.get(at) {
            Some(block) => block.position.forward(length),
            None => bail!("there is no block {at} of {}", self.blocks.len()),
        }
    }
}

/// 0 for the keys that count and the lowest number for padding, `[B, 1, 1, L]`.
fn mask(ids: &Tensor, lengths: &[usize]) -> Result<Tensor> {
    let (b, l) = ids.dims2()?;
    if lengths.len() != b || lengths.iter().any(|&length| length == 0 || length > l) {
        bail!("lengths {lengths:?} do not fit tokens of shape [{b}, {l}]");
    }
    let of_row = |&length: &usize| (0..l).map(move |at| if at < length { 0.0 } else { f32::MIN });
    Tensor::from_vec(lengths.iter().flat_map(of_row).collect(), (b, 1, 1, l), ids.device())
}

/// x + attention(norm(x)), then x + feed-forward(norm(x)).
#[derive(Clone, Debug)]
struct Block {
    heads: usize,
    norm1: Norm,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    position: PositionBias,
    norm2: Norm,
    gate: Tensor,
    expand: Tensor,
    contract: Tensor,
}

impl Block {
    fn new(config: &Umt5Config, params: &mut Params, name: &str) -> ModelResult<Self> {
        let Umt5Config { dim, heads, head_dim, ffn_dim, .. } = *config;
        let inner = heads * head_dim;
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            heads,
            norm1: Norm::new(config, params, &part("norm1"))?,
            query: matrix(params, &part("attn.q"), inner, dim)?,
            key: matrix(params, &part("attn.k"), inner, dim)?,
            value: matrix(params, &part("attn.v"), inner, dim)?,
            out: matrix(params, &part("attn.o"), dim, inner)?,
            position: PositionBias::new(config, params, &part("pos_embedding.embedding"))?,
            norm2: Norm::new(config, params, &part("norm2"))?,
            gate: matrix(params, &part("ffn.gate.0"), ffn_dim, dim)?,
            expand: matrix(params, &part("ffn.fc1"), ffn_dim, dim)?,
            contract: matrix(params, &part("ffn.fc2"), dim, ffn_dim)?,
        })
    }

    fn forward(&self, x_bld: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let x_bld = (x_bld + self.attend(&self.norm1.forward(x_bld)?, mask)?)?;
        let x = self.norm2.forward(&x_bld)?;
        let gate = ops::gelu(&ops::linear(&x, &self.gate, None)?)?;
        let hidden = (ops::linear(&x, &self.expand, None)? * gate)?;
        x_bld + ops::linear(&hidden, &self.contract, None)?
    }

    fn attend(&self, x_bld: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (b, l, _) = x_bld.dims3()?;
        let split_heads = |weight: &Tensor| {
            let x = ops::linear(x_bld, weight, None)?;
            x.reshape((b, l, self.heads, ()))?.transpose(1, 2)?.contiguous()
        };
        let (query, key) = (split_heads(&self.query)?, split_heads(&self.key)?);
        let scores = query.matmul(&key.transpose(D::Minus1, D::Minus2)?)?;
        let mut scores = scores.broadcast_add(&self.position.forward(l)?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(&mask.to_dtype(scores.dtype())?)?;
        }
        let seen = ops::softmax(&scores)?.matmul(&split_heads(&self.value)?)?;
        ops::linear(&seen.transpose(1, 2)?.reshape((b, l, ()))?, &self.out, None)
    }
}

/// x / √(mean of x² + ε) · weight.
#[derive(Clone, Debug)]
struct Norm {
    weight: Tensor,
    eps: f32,
}

impl Norm {
    fn new(config: &Umt5Config, params: &mut Params, name: &str) -> ModelResult<Self> {
        let ones = Tensor::ones(config.dim, DType::F32, params.device())?;
        let weight = params.add(&format!("{name}.weight"), &ones, Group::NoDecay)?;
        Ok(Self { weight, eps: config.eps })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::rms_norm(x, &self.weight, self.eps)
    }
}

/// Declares `<name>.weight` `[outputs, inputs]`.
fn matrix(params: &mut Params, name: &str, outputs: usize, inputs: usize) -> ModelResult<Tensor> {
    let zeros = Tensor::zeros((outputs, inputs), DType::F32, params.device())?;
    params.add(&format!("{name}.weight"), &zeros, Group::Decay)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use candle_core::{Device, Tensor};

    use super::{Umt5, Umt5Config};
    use crate::params::Params;
    use crate::stream::Stream;

    pub(in crate::umt5) const SMALL: Umt5Config = Umt5Config {
        vocab: 32_000,
        dim: 8,
        layers: 2,
        heads: 2,
        head_dim: 3,
        ffn_dim: 12,
        ..Umt5Config::xxl()
    };

    /// An encoder with weights that are not zero.
    pub(in crate::umt5) fn small() -> (Umt5, Params) {
        let mut params = Params::frozen(&Device::Cpu);
        let encoder = Umt5::new(&SMALL, &mut params).unwrap();
        let draw = |param: &crate::params::Param| {
            let mut stream = Stream::new(1, param.name(), 0);
            let value = stream.normal_tensor(param.var().shape(), 0.5, &Device::Cpu).unwrap();
            (param.name().to_owned(), value)
        };
        params.load(&params.iter().map(draw).collect::<BTreeMap<_, _>>()).unwrap();
        (encoder, params)
    }

    #[test]
    fn as_many_values_are_declared_as_counted() {
        let (_, params) = small();
        let values: usize = params.iter().map(|param| param.var().elem_count()).sum();
        assert_eq!(values, SMALL.parameter_count());
    }

    #[test]
    fn padding_changes_nothing() {
        let (encoder, _) = small();
        let ids = Tensor::new(&[[5u32, 9, 3, 0, 0], [7, 1, 2, 4, 6]], &Device::Cpu).unwrap();
        let padded = encoder.forward(&ids, Some(&[3, 5])).unwrap();
        let alone = encoder.forward(&ids.narrow(0, 0, 1).unwrap().narrow(1, 0, 3).unwrap(), None);
        let padded = padded.narrow(0, 0, 1).unwrap().narrow(1, 0, 3).unwrap();
        let difference = (padded - alone.unwrap()).unwrap().abs().unwrap();
        let difference: f32 = difference.max_all().unwrap().to_scalar().unwrap();
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn lengths_must_fit() {
        let (encoder, _) = small();
        let ids = Tensor::new(&[[5u32, 9, 3]], &Device::Cpu).unwrap();
        let text = encoder.forward(&ids, Some(&[4])).unwrap_err().to_string();
        assert!(text.contains("[4]") && text.contains("[1, 3]"), "{text}");
    }
}
