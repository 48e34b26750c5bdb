//! What sampling takes, told from specs: passes and their arithmetic; and what a tuning trained.

use std::{fs::File, io::Read, path::Path};

use ffrun_models::{
    baselines::{Keys, Load, Mechanism, faithful_faces, operations, vace},
    wan::WanConfig,
};

use super::{
    base::network,
    needs::{Origin, base_of},
    tune::{ADAPTER, ALIGNER},
};
use crate::{
    engine::{Graph, Stage},
    spec::{BaseSpec, GenerateSpec, TuneSpec},
};

/// What one clip takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Evaluations of the network.
    pub passes: usize,
    /// Their floating-point operations; none for a public checkpoint.
    pub operations: Option<f64>,
}

/// What a clip of a `generate` stage takes; none for another kind.
pub fn of(graph: &Graph, stage: &Stage) -> Option<Cost> {
    if stage.kind != "generate" {
        return None;
    }
    let spec: GenerateSpec = serde_json::from_value(stage.spec.clone()).ok()?;
    let tuned = stage.inputs.get("tuned").and_then(|key| graph.stage(key));
    let tuned: Option<TuneSpec> =
        tuned.map(|tuned| serde_json::from_value(tuned.spec.clone())).transpose().ok()?;
    let under = tuned.as_ref().and_then(|tuned| tuned.mechanism.as_ref());
    let each = match under {
        Some(under) => under.mechanism.passes_per_step(),
        None if spec.sampler.guidance == 1.0 => 1,
        None => 2,
    };
    let passes = spec.sampler.steps * each;
    let mechanism = under.map_or_else(|| beside_vace(tuned.as_ref()), |it| it.mechanism.clone());
    let operations = match base_of(graph, stage)? {
        Origin::Trained(base) => a_pass(&mechanism, &base).map(|pass| pass * passes as f64),
        Origin::Public(_) => None,
    };
    Some(Cost { passes, operations })
}

/// A tuning without a mechanism as one: VACE, with adapters if it has any.
fn beside_vace(tuned: Option<&TuneSpec>) -> Mechanism {
    let rank = tuned.map_or(0, |tuned| tuned.adapter.rank);
    if rank == 0 { vace() } else { Mechanism { shared: None, ..faithful_faces(rank, 1) } }
}

fn a_pass(mechanism: &Mechanism, base: &BaseSpec) -> Option<f64> {
    let config = network(base, base.codec.channels, base.codec.patch_px);
    let config: WanConfig = mechanism.network(&config, 1).ok()?;
    let side = base.size_px / (base.codec.patch_px * base.generator.patch).max(1);
    let in_front = usize::from(mechanism.control.is_some_and(|control| control.references));
    let of = |remembered: bool| {
        let kept = |keys: Keys| (keys != Keys::Fresh) == remembered;
        mechanism.segments.iter().filter(|it| kept(it.keys)).count() * side * side
    };
    let rank = mechanism.adapters.iter().map(|adapter| adapter.rank).max().unwrap_or(0);
    let load = Load {
        video: (base.frames + in_front) * side * side,
        references: of(false),
        remembered: of(true),
        text: base.text.length,
        image: super::mechanism::IMAGE_TOKENS,
        rank,
    };
    Some(operations(mechanism, &config, load))
}

/// Values that a tuning trained, counted in its files.
pub fn trained_values(out: &Path) -> u64 {
    [ADAPTER, ALIGNER].iter().filter_map(|name| values(&out.join(name))).sum()
}

/// Values in a safetensors file, by its header alone.
fn values(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    // A header of more is none of ours.
    let mut header = vec![0; usize::try_from(length).ok().filter(|bytes| *bytes < 1 << 26)?];
    file.read_exact(&mut header).ok()?;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header).ok()?;
    let tensors = header.iter().filter(|(name, _)| *name != "__metadata__");
    let of = |tensor: &serde_json::Value| {
        let shape = tensor["shape"].as_array()?;
        shape.iter().map(serde_json::Value::as_u64).product::<Option<u64>>()
    };
    tensors.map(|(_, tensor)| of(tensor)).sum()
}
