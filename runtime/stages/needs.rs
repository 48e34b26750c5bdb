//! How much memory the stages of a generator need, told from their specs before anything runs.

use ffrun_models::wan::{AttentionMemory, MemoryNeed, Mode, WanConfig, Workload};

use super::{base::network, generate, public, shipped};
use crate::{
    engine::{graph::Graph, stage::Stage},
    spec::{
        AdapterSpec, BaseSpec, CheckpointSpec, ClipsetSpec, PretrainSpec, ShippedSpec, TuneSpec,
    },
};

/// Rows of queries whose scores our attention kernels hold at a time.
pub(super) const ROWS: usize = 64;

/// What a stage needs, and what would make it need less.
pub struct Need {
    /// The memory.
    pub memory: MemoryNeed,
    /// What helps where there is less, as the end of a sentence.
    pub remedy: &'static str,
}

/// What a stage needs; none for stages whose memory is no matter.
pub fn of(graph: &Graph, stage: &Stage) -> Option<Need> {
    let (memory, remedy) = match base_of(graph, stage)? {
        Origin::Trained(base) => (
            trained(stage, &base)?,
            "lower `batch` or `generator_width` with `-P`, take a smaller `--scale`, or run it on \
             a GPU with `--device cuda:0`",
        ),
        Origin::Public(spec) => (
            public::need(stage, &spec, clips_of(graph, stage).as_ref())?,
            "lower `batch`, take clips of fewer frames or pixels or a smaller checkpoint, or run \
             it on a GPU with `--device cuda:0`, where `dtype: \"bf16\"` halves the weights",
        ),
    };
    Some(Need { memory, remedy })
}

/// What a stage of a generator that ffrun trains needs.
fn trained(stage: &Stage, base: &BaseSpec) -> Option<MemoryNeed> {
    let config = network(base, base.codec.channels, base.codec.patch_px);
    let side = base.size_px / base.codec.patch_px.max(1);
    let (mode, batch) = match stage.kind.as_str() {
        "pretrain" => {
            let spec: PretrainSpec = serde_json::from_value(stage.spec.clone()).ok()?;
            let trained = config.parameter_count();
            (Mode::Training { trained, recompute: false }, spec.schedule.batch)
        }
        "tune" => {
            let spec: TuneSpec = serde_json::from_value(stage.spec.clone()).ok()?;
            let trained = tuned_values(&spec, &config);
            (Mode::Training { trained, recompute: false }, spec.schedule.batch)
        }
        "generate" => (Mode::Sampling { passes: 1 }, generate::batch(false)),
        _ => return None,
    };
    let latent = [base.frames + 1, side, side];
    let attention = AttentionMemory::Rows(ROWS);
    Some(MemoryNeed::of(&config, &Workload { batch, latent, value_bytes: 4, attention, mode }))
}

/// Where a base comes from.
pub(super) enum Origin {
    /// ffrun trained it.
    Trained(BaseSpec),
    /// A public checkpoint.
    Public(CheckpointSpec),
}

/// The base that a stage trains, tunes, samples from or reads a part of.
pub(super) fn base_of(graph: &Graph, stage: &Stage) -> Option<Origin> {
    let of_input = |role: &str| base_of(graph, graph.stage(stage.inputs.get(role)?)?);
    match stage.kind.as_str() {
        "pretrain" => {
            let spec: PretrainSpec = serde_json::from_value(stage.spec.clone()).ok()?;
            Some(Origin::Trained(spec.base))
        }
        "shipped" => {
            let spec: ShippedSpec = serde_json::from_value(stage.spec.clone()).ok()?;
            shipped::describe(&spec.world).ok().map(|(_, base)| Origin::Trained(base))
        }
        "checkpoint" => serde_json::from_value(stage.spec.clone()).ok().map(Origin::Public),
        "tune" | "generate" | "texts" => of_input("base"),
        "latents" => of_input("codec"),
        _ => None,
    }
}

/// The clips, whole or encoded, that a stage reads or is.
fn clips_of(graph: &Graph, stage: &Stage) -> Option<ClipsetSpec> {
    let clips = match stage.kind.as_str() {
        "clips" | "latents" => stage,
        _ => graph.stage(stage.inputs.get("clips")?)?,
    };
    serde_json::from_value(clips.spec.clone()).ok()
}

/// Values that a tuning trains. Under a mechanism that trains parts of the base, all of the base's:
/// at most as many.
fn tuned_values(spec: &TuneSpec, config: &WanConfig) -> usize {
    let Some(under) = &spec.mechanism else { return adapter_values(&spec.adapter, config) };
    let branch = if under.mechanism.control.is_some() { config.vace.as_ref() } else { None };
    let blocks = config.blocks + branch.map_or(0, |vace| vace.blocks.len());
    let adapters = under.mechanism.adapters.iter();
    let adapters: usize =
        adapters.map(|set| 2 * set.rank * config.dim * set.targets.len() * blocks).sum();
    adapters + if under.trains.is_empty() { 0 } else { config.parameter_count() }
}

/// Values of a LoRA: rank·(inputs + outputs) for each adapted layer.
pub(super) fn adapter_values(spec: &AdapterSpec, config: &WanConfig) -> usize {
    let of = |place: &String| match place.as_str() {
        "ffn" => 2 * spec.rank * (config.dim + config.ffn_dim),
        _ => 2 * spec.rank * config.dim,
    };
    let a_block: usize = spec.places.iter().map(of).sum();
    let hints = config.vace.as_ref().map_or(0, |vace| vace.blocks.len());
    let blocks = |branch: &String| if branch == "vace" { hints } else { config.blocks };
    a_block * spec.branches.iter().map(blocks).sum::<usize>()
}

/// What the paper's generators need at its clips: 480 × 832 pixels, 81 frames, one reference, BF16
/// weights and activations, fused attention. Name, need.
pub fn of_the_paper() -> Vec<(String, MemoryNeed)> {
    // METHOD of Wan: 21 latent frames and the reference's, 8 pixels to a latent position.
    let latent = [22, 60, 104];
    // LoRA of rank 128 on q, k, v of every self-attention, base and VACE (paper §4.1).
    let adapter = AdapterSpec {
        rank: 128,
        alpha: 128.0,
        places: vec!["self_q".into(), "self_k".into(), "self_v".into()],
        branches: vec!["base".into(), "vace".into()],
        injection: "add".into(),
        shared_dropout: 0.0,
        joint: false,
    };
    let mut needs = Vec::new();
    for (name, config) in
        [("VACE-1.3B", WanConfig::vace_1_3b()), ("VACE-14B", WanConfig::vace_14b())]
    {
        let lora = adapter_values(&adapter, &config);
        let modes = [
            ("sampling", Mode::Sampling { passes: 1 }),
            ("LoRA rank 128, recomputing", Mode::Training { trained: lora, recompute: true }),
            ("LoRA rank 128", Mode::Training { trained: lora, recompute: false }),
            (
                "all weights, recomputing",
                Mode::Training { trained: config.parameter_count(), recompute: true },
            ),
        ];
        for (what, mode) in modes {
            let attention = AttentionMemory::Rows(ROWS);
            let work = Workload { batch: 1, latent, value_bytes: 2, attention, mode };
            needs.push((format!("{name}, {what}"), MemoryNeed::of(&config, &work)));
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::{adapter_values, of_the_paper};
    use crate::spec::AdapterSpec;
    use ffrun_models::wan::{VaceConfig, WanConfig};

    #[test]
    fn the_papers_adapters_have_the_published_sizes() {
        let adapter = |branches: &[&str]| AdapterSpec {
            rank: 128,
            alpha: 128.0,
            places: vec!["self_q".into(), "self_k".into(), "self_v".into()],
            branches: branches.iter().map(|&branch| branch.to_owned()).collect(),
            injection: "add".into(),
            shared_dropout: 0.0,
            joint: false,
        };
        let large = WanConfig::vace_14b();
        // 157.3 M on the base, 31.5 M on the eight VACE blocks.
        assert_eq!(adapter_values(&adapter(&["base"]), &large), 157_286_400);
        assert_eq!(adapter_values(&adapter(&["vace"]), &large), 31_457_280);
        assert!(matches!(large.vace, Some(VaceConfig { in_channels: 96, .. })));
    }

    #[test]
    fn the_large_model_needs_its_weights_at_least() {
        let needs = of_the_paper();
        let (name, need) = &needs[4];
        assert_eq!(name, "VACE-14B, sampling");
        assert_eq!(need.weights, 2 * 17_337_592_896);
        assert!(need.total() > need.weights);
    }
}
