//! What tuning adds to a frozen base: LoRA on chosen projections, and the way S comes in.

use ffrun_models::{
    lora::{Lora, LoraGroup},
    params::Params,
    wan::{Injection, InjectionKind, SharedInput},
};

use candle_core::Tensor;

use super::{generator::Generator, model_error};
use crate::{engine::work::StageError, spec::AdapterSpec};

/// The adapters of one base.
pub(super) struct Adapter {
    /// Their parameters alone: what a checkpoint keeps and a result holds.
    pub(super) params: Params,
    pub(super) lora: Option<Lora>,
    injection: Option<Injection>,
}

impl Adapter {
    /// Adapters that change nothing yet, with their parameters in `params`. `shared_width` is that
    /// of S; without S nothing is injected.
    pub(super) fn new(
        spec: &AdapterSpec,
        base: &Generator,
        shared_width: Option<usize>,
        mut params: Params,
        seed: u64,
    ) -> Result<Self, StageError> {
        let groups = [LoraGroup { targets: targets(spec)?, rank: spec.rank, alpha: spec.alpha }];
        let lora = (spec.rank > 0 && !groups[0].targets.is_empty())
            .then(|| Lora::new(&groups, &base.params, &mut params, seed))
            .transpose()
            .map_err(model_error)?;
        let kind = (spec.injection != "none").then(|| spec.injection.parse::<InjectionKind>());
        let kind = kind.transpose().map_err(model_error)?;
        let injection = match (kind, shared_width) {
            (Some(kind), Some(width)) => {
                let made = Injection::new(kind, width, base.wan.config(), &mut params);
                Some(made.map_err(model_error)?)
            }
            _ => None,
        };
        Ok(Self { params, lora, injection })
    }

    /// S with the way it enters.
    ///
    /// # Shapes
    /// - shared: S, `[B, D]`
    pub(super) fn shared<'a>(&'a self, shared: Option<&'a Tensor>) -> Option<SharedInput<'a>> {
        let injection = self.injection.as_ref()?;
        shared.map(|value| SharedInput { injection, value })
    }
}

/// The layers an adapter sits on, in Wan's names.
pub(crate) fn targets(spec: &AdapterSpec) -> Result<Vec<String>, StageError> {
    let mut targets = Vec::new();
    for branch in &spec.branches {
        let blocks = if branch == "vace" { "vace_blocks" } else { "blocks" };
        for place in &spec.places {
            let layers: Vec<String> = match place.split_once('_') {
                Some(("self", projection)) => vec![format!("self_attn.{projection}")],
                Some(("cross", projection)) => vec![format!("cross_attn.{projection}")],
                _ if place == "ffn" => vec!["ffn.0".to_owned(), "ffn.2".to_owned()],
                _ => return Err(StageError::Failed(format!("unknown place `{place}`"))),
            };
            targets.extend(layers.iter().map(|layer| format!("{blocks}.*.{layer}")));
        }
    }
    Ok(targets)
}
