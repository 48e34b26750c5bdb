//! The stages of a generator: clips, codec, base, and later tuning and sampling.

use std::sync::Arc;

#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;
use rhai::{Array, Engine, Map};

use super::{
    base::{Base, Origin, check_geometry},
    building::{add, seed_of},
    complaint::{Complaint, Raised},
    host::Host,
    parts::Parts,
    phase::Phase,
    recipe::{Clipset, Codec, Flow, Generator, Sampler, Text, check},
    suggest::did_you_mean_or_list,
    tuning::{Tuned, tune_stage},
};
use crate::{
    engine::{key::Key, stage::NumericClass},
    spec::{
        self, BaseSpec, ClipsetSpec, CodecSpec, GenerateSpec, PretrainSpec, SamplerSpec,
        ShippedSpec, TextSpec,
    },
    stages::shipped,
};

/// Clips that a generator is to make.
#[derive(Clone, Debug)]
pub(super) struct Videos {
    pub(super) key: Key,
    /// The clips that were asked for: references, captions and ground truth.
    pub(super) asked: Key,
    /// Their spec.
    pub(super) clips: Arc<ClipsetSpec>,
}

/// Registers the types and functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Base>("Base");
    engine.register_type_with_name::<Tuned>("Tuned");
    engine.register_type_with_name::<Videos>("Videos");
    engine.register_global_module(exported_module!(generating_functions).into());
}

/// The stage of a set of clips, frames and all.
pub(super) fn clips_stage(host: &Host, clips: &ClipsetSpec) -> Result<Key, Complaint> {
    add(host, spec::CLIPS, clips, |stage| stage)
}

/// The stage of a codec fitted on the first people of these clips.
fn codec_stage(host: &Host, codec: &CodecSpec, clips: &ClipsetSpec) -> Result<Key, Complaint> {
    let each = clips.clips_each * clips.frames;
    let people = codec.frames.div_ceil(each.max(1)).clamp(1, clips.identities);
    let clips = clips_stage(host, &ClipsetSpec { identities: people, ..clips.clone() })?;
    add(host, spec::CODEC, codec, |stage| stage.reading("clips", clips))
}

/// Encoded clips and their captions.
#[derive(Clone, Copy)]
pub(super) struct Encoded {
    pub(super) latents: Key,
    pub(super) texts: Key,
}

impl Encoded {
    /// The two stages.
    pub(super) fn add(
        host: &Host,
        clips: &ClipsetSpec,
        codec: Key,
        text: (&TextSpec, Option<Key>),
    ) -> Result<Self, Complaint> {
        let latents = add(host, spec::LATENTS, clips, |stage| stage.reading("codec", codec))?;
        Ok(Self { latents, texts: texts_stage(host, latents, text)? })
    }
}

/// The stage of the captions of encoded or whole clips; an encoder with weights comes from a stage.
pub(super) fn texts_stage(
    host: &Host,
    captions: Key,
    (text, weights): (&TextSpec, Option<Key>),
) -> Result<Key, Complaint> {
    add(host, spec::TEXTS, text, |stage| {
        let stage = stage.reading("captions", captions);
        match weights {
            Some(weights) => stage.reading("base", weights),
            None => stage,
        }
    })
}

fn base_spec(
    (model, codec, text): (&Generator, &Codec, &Text),
    clips: &Clipset,
) -> Result<BaseSpec, Complaint> {
    let (clips, side) = (&clips.spec, codec.spec.patch_px * model.spec.patch);
    if !clips.size_px.is_multiple_of(side) {
        let message = format!(
            "clips of {} px do not divide into tokens of {side} px (`patch_px` of the codec times \
             `patch` of the generator)",
            clips.size_px
        );
        return Err(Complaint::new("setting", message).hint("change `size_px` of the clips"));
    }
    Ok(BaseSpec {
        generator: model.spec.as_ref().clone(),
        codec: codec.spec.as_ref().clone(),
        text: text.spec.as_ref().clone(),
        frames: clips.frames,
        fps: clips.fps,
        size_px: clips.size_px,
    })
}

/// Refuses to train a public checkpoint on.
fn check_trainable(from: Option<&Base>) -> Result<(), Complaint> {
    if !from.is_some_and(|base| matches!(base.origin, Origin::Public(_))) {
        return Ok(());
    }
    Err(Complaint::new("setting", "a public checkpoint cannot be trained on as a whole")
        .hint("tune it: `tune(base, #{ adapter: generator::adapter(), … }, trial.seed)`")
        .at("from"))
}

/// The stage of a base that ships with ffrun.
fn shipped_stage(host: &Host, world: &str) -> Result<Base, Complaint> {
    let known = host.state().shipped.clone();
    let known = known.filter(|(name, ..)| name == world);
    let (digest, base) = if let Some((_, digest, base)) = known {
        (digest, base)
    } else {
        let (digest, base) = shipped::describe(world).map_err(|error| {
            Complaint::new("setting", error.to_string())
                .maybe_hint(did_you_mean_or_list(world, shipped::worlds()))
        })?;
        // Trials share it: it is read once.
        host.state().shipped = Some((world.to_owned(), digest.clone(), base.clone()));
        (digest, base)
    };
    let spec = ShippedSpec { world: world.to_owned() };
    let key = add(host, spec::SHIPPED, &spec, |mut stage| {
        stage.digests.insert("base".to_owned(), digest);
        // The same bytes on every device.
        stage.class = NumericClass::default();
        stage
    })?;
    let origin = Origin::Trained { spec: base, seen: ("train".to_owned(), 0) };
    Ok(Base { key, codec: key, origin })
}

/// Errors of the Euler angles that S is made from.
#[derive(Default)]
struct AngleErrors {
    degrees: f64,
    draw: u64,
    angles: Vec<String>,
}

impl AngleErrors {
    fn read(errors: &Map) -> Result<Self, Complaint> {
        let parts = Parts::read("generate", errors, &["degrees", "draw", "angles"])?;
        let angles: Option<Array> = parts.optional("angles", "[\"yaw\"]")?;
        let angles: Vec<String> =
            angles.into_iter().flatten().map(|angle| angle.to_string()).collect();
        for angle in &angles {
            check::one_of("angles", angle, &["pitch", "yaw", "roll"])?;
        }
        let draw = seed_of(parts.number("draw", "0")? as i64)?;
        Ok(Self { degrees: parts.number("degrees", "10")?, draw, angles })
    }
}

/// The stage of generated clips.
fn generate_stage(
    host: &Host,
    (base, tuned): (&Base, Option<&Tuned>),
    (clips, sampler): (&Clipset, &Sampler),
    errors: AngleErrors,
) -> Result<Videos, Complaint> {
    base.check_geometry(&clips.spec)?;
    base.check_unseen(&clips.spec)?;
    let asked = clips_stage(host, &clips.spec)?;
    let texts = base.sampled_texts(host, asked)?;
    let AngleErrors { degrees: perturb_deg, draw, angles } = errors;
    let (mut sampler, fps) = (sampler.spec.as_ref().clone(), texts.map(|_| clips.spec.fps));
    if tuned.is_some_and(|tuned| tuned.mechanism) {
        // Its passes are its own; what it does not read is no part of the key.
        sampler = SamplerSpec { guidance: 1.0, guides: "all".into(), vace_scale: 1.0, ..sampler };
    }
    let spec = GenerateSpec { sampler, perturb_deg, draw, angles, fps };
    let key = add(host, spec::GENERATE, &spec, |stage| {
        let mut stage = stage.reading("base", base.key).reading("clips", asked);
        if let Some(texts) = texts {
            stage = stage.reading("texts", texts);
        }
        match tuned {
            Some(tuned) => stage.reading("tuned", tuned.key),
            None => stage,
        }
    })?;
    Ok(Videos { key, asked, clips: clips.spec.clone() })
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod generating_functions {
    /// Trains a generator on clips from nothing, or on `from` an earlier base. Belongs in
    /// `run(trial)`. Parts: `codec`, `text`, `clips`, `schedule`, and where wanted `validation`
    /// and `from`.
    /// ```rhai
    /// let clips = heads::clips();
    /// let base  = pretrain(generator::micro(), #{
    ///     codec:      generator::codec(),
    ///     text:       generator::text(),
    ///     clips:      clips.train,
    ///     validation: clips.validation,
    ///     schedule:   schedule::pretraining(),
    /// }, trial.seed);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pretrain(
        context: NativeCallContext,
        model: Generator,
        parts: Map,
        seed: i64,
    ) -> Result<Base, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let known = ["codec", "text", "clips", "validation", "schedule", "from"];
        let parts = Parts::read("pretrain", &parts, &known)?;
        let codec: Codec = parts.required("codec", "generator::codec()")?;
        let text: Text = parts.required("text", "generator::text()")?;
        let clips: Clipset = parts.required("clips", "heads::clips().train")?;
        let schedule: Flow = parts.required("schedule", "schedule::pretraining()")?;
        let validation: Option<Clipset> =
            parts.optional("validation", "heads::clips().validation")?;
        let from: Option<Base> = parts.optional("from", "an earlier base")?;
        check_trainable(from.as_ref())?;
        let base = base_spec((&model, &codec, &text), &clips)?;
        let codec = match &from {
            Some(earlier) => earlier.codec,
            None => codec_stage(&host, &codec.spec, &clips.spec)?,
        };
        let train = Encoded::add(&host, &clips.spec, codec, (&base.text, None))?;
        let validation = validation.map(|clips| {
            check_geometry(&base, &clips.spec)?;
            Encoded::add(&host, &clips.spec, codec, (&base.text, None))
        });
        let validation = validation.transpose()?;
        let spec = PretrainSpec {
            base: base.clone(),
            schedule: schedule.spec.as_ref().clone(),
            seed: seed_of(seed)?,
        };
        let key = add(&host, spec::PRETRAIN, &spec, |mut stage| {
            stage
                .code
                .extend(schedule.code.iter().map(|(role, text)| (role.clone(), text.clone())));
            stage = stage.reading("clips", train.latents).reading("texts", train.texts);
            stage = match validation {
                Some(unseen) => stage
                    .reading("validation", unseen.latents)
                    .reading("validation_texts", unseen.texts),
                None => stage,
            };
            match from {
                Some(earlier) => stage.reading("from", earlier.key),
                None => stage.reading("codec", codec),
            }
        })?;
        let seen = (clips.spec.split.clone(), clips.spec.world);
        Ok(Base { key, codec, origin: Origin::Trained { spec: base, seen } })
    }
    /// The base generator that ships with ffrun for a world; `generator::pretrained` is how scripts
    /// call it. Belongs in `run(trial)`.
    /// ```rhai
    /// let base = shipped_base("heads");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shipped_base(context: NativeCallContext, world: &str) -> Result<Base, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        shipped_stage(&host, world).map_err(Raised::from)
    }

    /// Tunes a frozen base: LoRA and the projection of S on clips (L_FM), and beside them the
    /// aligner that gives S on pairs of faces (L_PIA). Belongs in `run(trial)`. Parts: `adapter`,
    /// `clips`, `schedule`; with an aligner `aligner`, `faces` and `pairs`; without one, LoRA alone, or
    /// LoRA and a `control` in the place of S, such as `aligner::random()`.
    ///
    /// `mechanism` puts another way of telling who is to be seen in the place of VACE's branch, and
    /// `trains` says what is trained of it: `"modules"` (what it adds, and the adapter's LoRA on the
    /// video; the default) or `"published"` (what its authors trained).
    /// ```rhai
    /// let clips = heads::clips();
    /// let tuned = tune(generator::pretrained("heads"), #{
    ///     adapter:  generator::adapter(),
    ///     clips:    clips.tuning,
    ///     schedule: schedule::tuning(),
    ///     aligner:  aligner::paper(),
    ///     faces:    heads::stills().train,
    ///     pairs:    schedule::beside_tuning(),
    /// }, trial.seed);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tune(
        context: NativeCallContext,
        base: Base,
        parts: Map,
        seed: i64,
    ) -> Result<Tuned, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        tune_stage(&host, base, &parts, seed_of(seed)?).map_err(Raised::from)
    }

    /// Samples a clip for every reference and caption of `clips`, of people the generator has
    /// never seen. Belongs in `run(trial)`.
    /// ```rhai
    /// let videos = generate(base, clips.test, sampler::unipc());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn generate(
        context: NativeCallContext,
        base: Base,
        clips: Clipset,
        sampler: Sampler,
    ) -> Result<Videos, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        generate_stage(&host, (&base, None), (&clips, &sampler), AngleErrors::default())
            .map_err(Raised::from)
    }

    /// The same from a tuned generator, under the S of each reference. Under a mechanism the passes
    /// of a step are its own: `guidance`, `guides` and `vace_scale` of the sampler are not read.
    /// ```rhai
    /// let videos = generate(tuned, clips.test, sampler::unipc());
    /// ```
    #[rhai_fn(name = "generate", return_raw)]
    pub fn generate_tuned(
        context: NativeCallContext,
        tuned: Tuned,
        clips: Clipset,
        sampler: Sampler,
    ) -> Result<Videos, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let from = (&tuned.base, Some(&tuned));
        generate_stage(&host, from, (&clips, &sampler), AngleErrors::default())
            .map_err(Raised::from)
    }

    /// The same with the Euler angles of every reference off by up to `degrees` each, as in the
    /// paper's Table 6; `draw` numbers independent errors, `angles` names those that are off (all
    /// three when it is left out).
    /// ```rhai
    /// let off = #{ degrees: 10, draw: 0, angles: ["yaw"] };
    /// let videos = generate(tuned, clips.test, sampler::unipc(), off);
    /// ```
    #[rhai_fn(name = "generate", return_raw)]
    pub fn generate_perturbed(
        context: NativeCallContext,
        tuned: Tuned,
        clips: Clipset,
        sampler: Sampler,
        errors: Map,
    ) -> Result<Videos, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let from = (&tuned.base, Some(&tuned));
        let errors = AngleErrors::read(&errors)?;
        generate_stage(&host, from, (&clips, &sampler), errors).map_err(Raised::from)
    }
}
