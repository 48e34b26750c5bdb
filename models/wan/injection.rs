//! How the aligner's S enters the transformer (METHOD §5.2).

use std::str::FromStr;

use candle_core::{D, DType, Result, Tensor};

use super::config::WanConfig;
use crate::error::{ModelError, ModelResult};
use crate::ops;
use crate::params::{Group, Params};

/// The place where S enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectionKind {
    /// Added to every noisy token before the blocks; the VACE branch sees it too.
    Add,
    /// One more token at time −1 that all tokens see and that has no output. Softmax attends to
    /// any token, so unlike the other kinds this one changes the network from the start, by a
    /// token that is zero whatever S is.
    Token,
    /// Added to the timestep's modulation of all blocks.
    AdaLn,
    /// Added to the last embedded text row, which is padding unless the text fills all rows.
    CrossAttention,
}

impl InjectionKind {
    /// The names that scripts use.
    pub const NAMES: &'static [&'static str] = &["add", "token", "adaln", "xattn"];
}

impl FromStr for InjectionKind {
    type Err = ModelError;

    fn from_str(name: &str) -> ModelResult<Self> {
        match name {
            "add" => Ok(Self::Add),
            "token" => Ok(Self::Token),
            "adaln" => Ok(Self::AdaLn),
            "xattn" => Ok(Self::CrossAttention),
            _ => {
                let name = name.to_owned();
                Err(ModelError::UnknownName { kind: "injection", name, known: Self::NAMES })
            }
        }
    }
}

/// S → RMS → linear without bias, zero at the start. A zero S therefore never changes anything.
#[derive(Clone, Debug)]
pub struct Injection {
    kind: InjectionKind,
    weight: Tensor,
    eps: f32,
}

impl Injection {
    /// Declares `injection.weight` for an S of `shared_width` values and a network of these sizes.
    pub fn new(
        kind: InjectionKind,
        shared_width: usize,
        config: &WanConfig,
        params: &mut Params,
    ) -> ModelResult<Self> {
        let outputs = if kind == InjectionKind::AdaLn { 6 * config.dim } else { config.dim };
        let zeros = Tensor::zeros((outputs, shared_width), DType::F32, params.device())?;
        let weight = params.add("injection.weight", &zeros, Group::Decay)?;
        Ok(Self { kind, weight, eps: config.eps })
    }

    /// The place where S enters.
    pub fn kind(&self) -> InjectionKind {
        self.kind
    }

    /// # Shapes
    /// - shared: `[B, Ds]`
    /// - output: `[B, D]`, or `[B, 6·D]` for [`InjectionKind::AdaLn`]
    pub(super) fn project(&self, shared: &Tensor) -> Result<Tensor> {
        let ones = Tensor::ones(shared.dim(D::Minus1)?, shared.dtype(), shared.device())?;
        ops::linear(&ops::rms_norm(shared, &ones, self.eps)?, &self.weight, None)
    }
}

/// S and the way it enters.
#[derive(Clone, Copy, Debug)]
pub struct SharedInput<'a> {
    /// The way.
    pub injection: &'a Injection,
    /// S, `[B, Ds]`.
    pub value: &'a Tensor,
}

impl SharedInput<'_> {
    /// The projected S if it enters in this way.
    pub(super) fn for_kind(self, kind: InjectionKind) -> Result<Option<Tensor>> {
        (self.injection.kind == kind).then(|| self.injection.project(self.value)).transpose()
    }
}
