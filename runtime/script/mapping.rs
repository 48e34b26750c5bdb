//! Measurements that the paper draws: how identities lie in an encoding, and what a dictionary holds.

use rhai::Engine;
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;

use super::{
    base::{Base, Origin},
    building::{Evaluation, Fitted, add, check_seen_by, declared_measure, faces_stage},
    complaint::{Complaint, Raised},
    host::Host,
    phase::Phase,
    recipe::Dataset,
};
use crate::{
    metrics::Subject,
    spec::{self, DictionarySpec, IdentityMapSpec},
};

/// Registers the functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(mapping_functions).into());
}

/// Fig. 6: 7 people × 8 poses. It does not give the perplexity: 10 lets a face see all others of its
/// person and a few strangers.
fn map_spec(host: &Host) -> Result<IdentityMapSpec, Complaint> {
    let metrics = declared_measure(host, Subject::IdentityMap)?.spec.metrics.clone();
    Ok(IdentityMapSpec { metrics, people: 7, views: 8, perplexity: 10.0, steps: 1000, draw: 0 })
}

/// Refuses stills that the autoencoder of a trained base cannot cut into its patches.
fn check_side(base: &Base, dataset: &Dataset) -> Result<(), Complaint> {
    let size_px = dataset.spec.size_px;
    let step = match &base.origin {
        Origin::Trained { spec, .. } => spec.codec.patch_px,
        Origin::Public(public) => public.side_step,
    };
    if size_px.is_multiple_of(step.max(1)) {
        return Ok(());
    }
    let message =
        format!("the stills are {size_px} px wide, but the generator codes multiples of {step} px");
    Err(Complaint::new("setting", message).hint("change `size_px` of the stills"))
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod mapping_functions {
    /// How the faces of unseen people lie to each other in a trained aligner's S, with a picture of
    /// 7 people in 8 poses each that reports show by `chart(id, results).drawn("identity_map")`.
    /// Belongs in `run(trial)`, as its last line.
    /// ```rhai
    /// identity_map(fitted, faces.test)
    /// ```
    #[rhai_fn(return_raw)]
    pub fn identity_map(
        context: NativeCallContext,
        fitted: Fitted,
        dataset: Dataset,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_seen_by(&fitted, &dataset)?;
        let faces = faces_stage(&host, &dataset)?;
        let key = add(&host, spec::IDENTITY_MAP, &map_spec(&host)?, |stage| {
            stage.reading("fitted", fitted.key).reading("faces", faces)
        })?;
        Ok(Evaluation { key })
    }

    /// The same in what a generator without an aligner is given of each face: the latent of its
    /// autoencoder.
    /// ```rhai
    /// identity_map(generator::pretrained("heads"), faces.test)
    /// ```
    #[rhai_fn(name = "identity_map", return_raw)]
    pub fn identity_map_of_base(
        context: NativeCallContext,
        base: Base,
        dataset: Dataset,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_side(&base, &dataset)?;
        let faces = faces_stage(&host, &dataset)?;
        let key = add(&host, spec::IDENTITY_MAP, &map_spec(&host)?, |stage| {
            stage.reading("codec", base.codec).reading("faces", faces)
        })?;
        Ok(Evaluation { key })
    }

    /// Which entries of a trained dictionary are active in which of the five poses of Fig. 7, on
    /// stills that hold all of them. Reports show `chart(id, results).drawn("pose_entries")` and
    /// `picture(id, results).drawn("pose_faces")`. Belongs in `run(trial)`, as its last line.
    /// ```rhai
    /// let all_round = heads::split("test").but(#{ pose_grid: false, yaw_deg: 90, pitch_deg: 60 });
    /// dictionary_poses(fitted, all_round)
    /// ```
    #[rhai_fn(return_raw)]
    pub fn dictionary_poses(
        context: NativeCallContext,
        fitted: Fitted,
        dataset: Dataset,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_seen_by(&fitted, &dataset)?;
        let metrics = declared_measure(&host, Subject::Dictionary)?.spec.metrics.clone();
        let faces = faces_stage(&host, &dataset)?;
        let spec = DictionarySpec { metrics, entries: 3, faces: 7 };
        let key = add(&host, spec::DICTIONARY, &spec, |stage| {
            stage.reading("fitted", fitted.key).reading("faces", faces)
        })?;
        Ok(Evaluation { key })
    }
}
