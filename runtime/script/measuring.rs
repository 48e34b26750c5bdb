//! Measurements of generated clips.

use rhai::Engine;
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;

use super::{
    building::{Evaluation, add, declared_measure},
    complaint::{Complaint, Raised},
    generating::{Videos, clips_stage},
    host::Host,
    phase::Phase,
    recipe::Clipset,
};
use crate::{
    engine::key::Key,
    metrics::Subject,
    spec::{self, ClipsetSpec},
    stages::evaluators::Evaluators,
};

/// Registers the functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(measuring_functions).into());
}

/// The stage that compares videos with these clips.
fn judge_stage(host: &Host, videos: &Videos, asked: Key) -> Result<Evaluation, Complaint> {
    let measure = declared_measure(host, Subject::Clips)?;
    let key = add(host, spec::JUDGE, measure.spec.as_ref(), |mut stage| {
        stage.digests.insert("evaluators".to_owned(), Evaluators::digest().to_owned());
        stage.reading("videos", videos.key).reading("asked", asked)
    })?;
    Ok(Evaluation { key })
}

/// Refuses clips that differ in more than their references.
fn check_same_clips(made: &ClipsetSpec, given: &ClipsetSpec) -> Result<(), Complaint> {
    let with_references_of_made = ClipsetSpec {
        reference_yaw_deg: made.reference_yaw_deg,
        reference_yaw_least_deg: made.reference_yaw_least_deg,
        reference_pitch_deg: made.reference_pitch_deg,
        reference_roll_deg: made.reference_roll_deg,
        reference_expression: made.reference_expression,
        ..given.clone()
    };
    if with_references_of_made == *made {
        return Ok(());
    }
    let message = "the videos were made for other people or clips than these".to_owned();
    Err(Complaint::new("setting", message).hint(
        "start from the clips given to `generate` and change only settings named `reference_…`",
    ))
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod measuring_functions {
    /// What was filmed of these clips, in the place of generated ones: `evaluate` then measures what
    /// the rulers see of perfect clips, and a comparison by pose has its ceiling. Belongs in
    /// `run(trial)`.
    /// ```rhai
    /// evaluate(filmed(clips.test))
    /// ```
    #[rhai_fn(return_raw)]
    pub fn filmed(context: NativeCallContext, clips: Clipset) -> Result<Videos, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        let key = clips_stage(&host, &clips.spec)?;
        Ok(Videos { key, asked: key, clips: clips.spec })
    }

    /// Measures generated clips: every declared metric of such. Belongs in `run(trial)`, as its
    /// last line.
    /// ```rhai
    /// evaluate(generate(base, clips.test, sampler::unipc()))
    /// ```
    #[rhai_fn(name = "evaluate", return_raw)]
    pub fn evaluate_videos(
        context: NativeCallContext,
        videos: Videos,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        judge_stage(&host, &videos, videos.asked).map_err(Raised::from)
    }

    /// The same against other references of the same people: of videos made from a profile, say,
    /// how much they look like the person's frontal picture.
    /// ```rhai
    /// let turned = clips.test.but(#{ reference_yaw_deg: 60, reference_yaw_least_deg: 30 });
    /// evaluate(generate(base, turned, sampler::unipc()), clips.test)
    /// ```
    #[rhai_fn(name = "evaluate", return_raw)]
    pub fn evaluate_videos_against(
        context: NativeCallContext,
        videos: Videos,
        clips: Clipset,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_same_clips(&videos.clips, &clips.spec)?;
        let asked = clips_stage(&host, &clips.spec)?;
        judge_stage(&host, &videos, asked).map_err(Raised::from)
    }
}
