//! Goldens of one clean reference beside the video: Stand-In and Concat-ID.

use std::cell::RefCell;

use candle_core::{Device, Tensor, Var};
use ffrun_models::baselines::{
    ConcatIdStage, Identity, Keys, Mechanism, Memory, PassInput, Told, concat_id, stand_in,
    stand_in_intended,
};
use ffrun_models::flow::{SamplerSettings, SigmaTable, SolverKind};
use ffrun_models::wan::{Grid, Rotary};

use super::case::{Case, numbers};
use super::check::Check;
use super::method_network::{Network, Values, at, compare, squared_error, stacked};
use super::wan_config::{original_config, size};
use super::{Kind, Result};

/// A Wan with one clean reference, by the way its configuration tells.
pub(super) const KIND: Kind = Kind {
    name: "wan with a reference",
    recognises: |case| {
        ["num_heads", "text_dim", "has_image_input"].iter().all(|key| case.has("/config", key))
            && (case.has("/config", "lora_rank") || case.has("/config", "num_context_images"))
    },
    run,
};

/// The shift of DiffSynth's Euler in both pipelines, which the cases give by its noise levels.
const SHIFT: f64 = 5.0;

fn run(case: &Case) -> Result<Vec<Check>> {
    let scene = Scene::new(case)?;
    let (mut found, mut checks) =
        if is_stand_in(case) { scene.stand_in(case)? } else { scene.concat_id(case)? };
    let steps = size_of_run(case)?;
    let (solver, table) = (SolverKind::Euler, SigmaTable::Diffsynth);
    let settings = SamplerSettings { solver, table, steps, shift: SHIFT };
    let latents = case.input("latents")?;
    let sampled = Scene::of(case, &as_sampled(case)?)?;
    let frames = latents.dim(2)?;
    let course = sampled.network.trajectory(case, &scene.told, (&latents, frames, settings))?;
    found.insert("euler4.noise_pred".to_owned(), stacked(&course.velocities)?);
    found.insert("euler4.latents".to_owned(), stacked(&course.latents)?);
    let (loss, gradients) = scene.training(case)?;
    checks.extend(compare(case, &found, (loss, &gradients))?);
    checks.extend(course.checks);
    let last = scene.network.method.wan().config().blocks - 1;
    for block in 0..=last {
        if let Some(rows) = gradients.get(&format!("blocks.{block}.modulation_ref")) {
            checks.push(idle_rows(block, rows, block == last)?);
        }
    }
    Ok(checks)
}

/// Rows of the reference's modulation that cannot reach the video: those of the feed-forward's
/// input, which are not used, and in the last block all but shift and scale of the attention.
fn idle_rows(block: usize, rows: &Tensor, last: bool) -> Result<Check> {
    let idle: &[usize] = if last { &[2, 3, 4, 5] } else { &[3, 4] };
    let mut largest = 0f32;
    for &row in idle {
        largest = largest.max(rows.narrow(1, row, 1)?.abs()?.max_all()?.to_scalar::<f32>()?);
    }
    Ok(Check::exact(format!("rows {idle:?} of block {block} never train"), largest == 0.0))
}

fn size_of_run(case: &Case) -> Result<usize> {
    Ok(case.list("/expected/timesteps")?.len())
}

/// The network of a case, and what it is told.
struct Scene {
    network: Network,
    told: Told,
    latents: Tensor,
    /// The timestep of the stored forward passes.
    timestep: f64,
}

impl Scene {
    fn new(case: &Case) -> Result<Self> {
        Self::of(case, &mechanism(case)?)
    }

    fn of(case: &Case, mechanism: &Mechanism) -> Result<Self> {
        let first = case.has("/inputs", "timestep_first");
        let (time, reference) =
            if first { ("timestep_first", "ip_image") } else { ("timestep", "reference_latent") };
        let network =
            Network::new(mechanism, &original_config(case)?, &case.weights()?, case_name)?;
        let identity = Identity { references: vec![case.input(reference)?], ..Identity::default() };
        let (prompt, negative) = (case.input("context")?, case.input("context_neg")?);
        let blank = identity.blank(None)?;
        Ok(Self {
            network,
            told: Told { prompt, negative, identity, blank },
            latents: case.input("latents")?,
            timestep: case.number(&format!("/inputs/{time}/value"))?,
        })
    }

    /// Velocities of video and reference, and what was shown on the way.
    fn shown(&self, pass: &PassInput) -> Result<(Vec<Tensor>, Values)> {
        let shown = RefCell::new(Values::new());
        let observe = |name: &str, value: &Tensor| {
            shown.borrow_mut().insert(name.to_owned(), value.detach());
        };
        let velocities = pass.velocities(&self.latents, &at(self.timestep)?, Some(&observe))?;
        Ok((velocities, shown.into_inner()))
    }

    /// Forward passes of a Stand-In case, with and without remembered keys and values.
    fn stand_in(&self, case: &Case) -> Result<(Values, Vec<Check>)> {
        let Self { network, told, latents, timestep } = self;
        let method = &network.method;
        let fresh = method.pass(&told.prompt, &told.identity, latents)?;
        let (velocities, shown) = self.shown(&fresh)?;
        let mut found = Values::from([("first_step".to_owned(), velocities[0].clone())]);
        let mut memory = Memory::default();
        let passes = method.passes(told, latents, &mut memory)?;
        let [negative, positive] = &passes[..] else { return Err("not two passes".into()) };
        for block in 0..method.wan().config().blocks {
            let at =
                |name: String| shown.get(&name).cloned().ok_or(format!("`{name}` was not shown"));
            found.insert(format!("mid.block{block}.video"), at(format!("blocks.{block}"))?);
            found.insert(format!("mid.block{block}.ref"), at(format!("blocks.{block}.span1"))?);
            let cached = positive.remembered()[0].of_block(block)?;
            found.insert(format!("cache.block{block}.k"), cached.keys.flatten_from(2)?);
            found.insert(format!("cache.block{block}.v"), cached.values.flatten_from(2)?);
        }
        let plain = network.velocity((latents, *timestep), &told.prompt, &Identity::default())?;
        found.insert("plain_no_reference".to_owned(), plain);
        let first = negative.velocities(latents, &at(*timestep)?, None)?.swap_remove(0);
        found.insert("first_step_negative_cached".to_owned(), first);
        let (latents, later) =
            (case.input("latents_later")?, at(case.number("/inputs/timestep_later/value")?)?);
        let cached = positive.velocities(&latents, &later, None)?.swap_remove(0);
        let recomputed = fresh.velocities(&latents, &later, None)?.swap_remove(0);
        let same = numbers(&cached)? == numbers(&recomputed)?;
        let mut checks = vec![Check::exact("cached as recomputed".into(), same)];
        found.insert("later_step_cached".to_owned(), cached);
        checks.extend(self.stale(case, &mut memory)?);
        let (_, _, _, h, w) = told.identity.references[0].dims5()?;
        let (_, _, _, height, width) = self.latents.dims5()?;
        let [_, ph, pw] = method.wan().config().patch;
        let origin = [-1, (height / ph) as i64, (width / pw) as i64];
        let grid = Grid { size: [1, h / ph, w / pw], origin };
        let rotary = Rotary::new(&[grid], method.wan().config().head_dim(), &Device::Cpu)?;
        found.insert("rope_ref_cos".to_owned(), rotary.cos);
        found.insert("rope_ref_sin".to_owned(), rotary.sin);
        Ok((found, checks))
    }

    /// As released a face outlives its video; as intended it does not.
    fn stale(&self, case: &Case, memory: &mut Memory) -> Result<Vec<Check>> {
        let Self { network, told, latents, .. } = self;
        let nobody =
            Told { identity: Identity::default(), blank: Identity::default(), ..told.clone() };
        let rank = size(case, "lora_rank")?;
        let mut checks = vec![];
        for (mechanism, stays) in [(stand_in(rank), true), (stand_in_intended(rank), false)] {
            let mut kept = memory.clone();
            kept.begin(&mechanism.segments, false);
            let passes = network.method.passes(&nobody, latents, &mut kept)?;
            let found = passes.iter().all(|pass| pass.remembered().len() == 1);
            let what = format!("keys {:?} outlive a video", mechanism.segments[0].keys);
            checks.push(Check::exact(what, found == stays));
        }
        let keys = network.method.mechanism().segments[0].keys;
        checks.push(Check::exact("as released is the default".into(), keys == Keys::Kept));
        Ok(checks)
    }

    /// Forward passes of a Concat-ID case: as released, as intended, and with copied modulation.
    fn concat_id(&self, case: &Case) -> Result<(Values, Vec<Check>)> {
        let method = &self.network.method;
        let pass = method.pass(&self.told.prompt, &self.told.identity, &self.latents)?;
        let (velocities, shown) = self.shown(&pass)?;
        let mut found = Values::from([("sample".to_owned(), velocities[0].clone())]);
        for block in 0..method.wan().config().blocks {
            let at =
                |name: String| shown.get(&name).cloned().ok_or(format!("`{name}` was not shown"));
            let parts = [at(format!("blocks.{block}"))?, at(format!("blocks.{block}.span1"))?];
            found.insert(format!("mid.block{block}"), Tensor::cat(&parts, 1)?);
        }
        found.insert("sample_all_frames".to_owned(), Tensor::cat(&velocities, 2)?);
        let mut intended = mechanism(case)?;
        intended.modulations = concat_id(ConcatIdStage::AdaLnIntended).modulations;
        let others =
            [("intended_form.sample_all_frames", intended), ("at_init_copies", mechanism(case)?)];
        for (name, mechanism) in others {
            let scene = Self::of(case, &mechanism)?;
            if name == "at_init_copies" {
                scene.network.copy_modulation()?;
            }
            let pass =
                scene.network.method.pass(&self.told.prompt, &self.told.identity, &self.latents)?;
            let (velocities, _) = scene.shown(&pass)?;
            found.insert(name.to_owned(), Tensor::cat(&velocities, 2)?);
        }
        Ok((found, vec![]))
    }

    /// The mean squared error on the video, and its gradients by the names of the case.
    fn training(&self, case: &Case) -> Result<(f64, Values)> {
        let latents = Var::from_tensor(&self.latents)?;
        let reference = Var::from_tensor(&self.told.identity.references[0])?;
        let identity =
            Identity { references: vec![reference.as_tensor().clone()], ..Identity::default() };
        let input = (latents.as_tensor(), self.timestep);
        let found = self.network.velocity(input, &self.told.prompt, &identity)?;
        let loss = squared_error(&found, &case.input("target")?)?;
        let name = if is_stand_in(case) { "ip_image" } else { "reference_latent" };
        let inputs = [("latents", &latents), (name, &reference)];
        let gradients = self.network.gradients(&loss, &inputs)?;
        Ok((f64::from(loss.to_scalar::<f32>()?), gradients))
    }
}

fn is_stand_in(case: &Case) -> bool {
    case.has("/config", "lora_rank")
}

/// The mechanism without velocities of the reference, which sampling has no use for.
fn as_sampled(case: &Case) -> Result<Mechanism> {
    let mut mechanism = mechanism(case)?;
    mechanism.segments[0].noisy = false;
    Ok(mechanism)
}

/// The method that a case is of.
fn mechanism(case: &Case) -> Result<Mechanism> {
    let mut mechanism = if is_stand_in(case) {
        let mut mechanism = stand_in(size(case, "lora_rank")?);
        let alpha = case.number("/config/lora_scale")? * case.number("/config/lora_rank")?;
        mechanism.adapters[0].alpha = Some(alpha);
        mechanism
    } else {
        let mut mechanism = concat_id(ConcatIdStage::AdaLn);
        mechanism.segments[0].noisy = true; // its cases store the reference's velocity, too
        mechanism
    };
    mechanism.passes[1].scale = case.number("/expected/cfg_scale")?;
    Ok(mechanism)
}

/// The name of an adapter's weight in Stand-In's code; other names stay.
fn case_name(name: &str) -> String {
    let bare = name.strip_prefix("reference.").unwrap_or(name);
    bare.replace(".lora_A.", "_loras.down.").replace(".lora_B.", "_loras.up.")
}
