//! The face modules together, and what they add to the video behind blocks.

use candle_core::{Result, Tensor, bail};

use super::FaceSpec;
use super::attention::{FaceAttention, Sizes};
use super::perceiver::{FaceInput, Perceiver};
use crate::error::ModelResult;
use crate::params::Params;
use crate::wan::AfterBlock;

/// Perceiver and cross-attentions, under the names of ConsisID's checkpoints.
#[derive(Clone, Debug)]
pub struct Face {
    perceiver: Perceiver,
    readers: Vec<FaceAttention>,
    spec: FaceSpec,
}

impl Face {
    /// Declares the modules for a network of `blocks` blocks and tokens of `dim` values.
    ///
    /// # Errors
    /// When the sizes do not fit together, or a name is taken.
    pub fn new(
        spec: FaceSpec,
        (dim, blocks): (usize, usize),
        params: &mut Params,
        seed: u64,
    ) -> ModelResult<Self> {
        spec.check()?;
        let perceiver = Perceiver::new(params, spec, seed)?;
        let sizes = Sizes {
            queries: dim,
            context: spec.out_dim,
            heads: spec.cross_heads,
            head_dim: spec.cross_head_dim,
            joins_queries: false,
        };
        let mut readers = vec![];
        // The original makes ⌊blocks/interval⌋ and runs out of them when blocks are odd.
        for at in 0..blocks.div_ceil(spec.interval) {
            let name = format!("perceiver_cross_attention.{at}");
            readers.push(FaceAttention::new(params, &name, sizes, seed)?);
            if let Some(out) =
                params.get(&format!("{name}.to_out.weight")).filter(|_| spec.zero_start)
            {
                out.var().set(&out.var().zeros_like()?)?;
            }
        }
        Ok(Self { perceiver, readers, spec })
    }

    /// The face's tokens. They depend on neither timestep nor video, so one reading serves all
    /// steps; the original computes them in every pass.
    ///
    /// # Shapes
    /// - output: `[B, queries, out_dim]`
    ///
    /// # Errors
    /// When a shape or the number of layers does not fit.
    pub fn tokens(&self, input: &FaceInput) -> Result<Tensor> {
        self.tokens_watched(input, &mut |_| ())
    }

    /// As [`Face::tokens`], and shows what each attention of the perceiver gives.
    ///
    /// # Errors
    /// As [`Face::tokens`].
    pub fn tokens_watched(
        &self,
        input: &FaceInput,
        watch: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        self.perceiver.forward(input, watch)
    }

    /// What cross-attention `at` makes of the video's tokens, before the factor.
    ///
    /// # Shapes
    /// - tokens: `[B, queries, out_dim]`; x, output: `[B, L, D]`
    ///
    /// # Errors
    /// When there is no such cross-attention, or a shape does not fit.
    pub fn read(&self, at: usize, tokens: &Tensor, x: &Tensor) -> Result<Tensor> {
        match self.readers.get(at) {
            Some(reader) => reader.forward(tokens, x),
            None => bail!("there are {} face cross-attentions, not {}", self.readers.len(), at + 1),
        }
    }
}

/// A face as it is read behind blocks.
#[derive(Clone, Debug)]
pub struct FaceReading {
    /// The modules.
    pub face: Face,
    /// Its tokens, from [`Face::tokens`].
    pub tokens: Tensor,
}

impl AfterBlock for FaceReading {
    fn part(&self, at: usize, x: &Tensor) -> Result<Option<Tensor>> {
        let FaceSpec { interval, scale, .. } = self.face.spec;
        if !at.is_multiple_of(interval) {
            return Ok(None);
        }
        let read = self.face.read(at / interval, &self.tokens, x)?;
        Ok(Some((read * scale)?))
    }
}
