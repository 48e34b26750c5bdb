//! Sifting footage for clips in which a head turns.

use rhai::Engine;
#[allow(clippy::wildcard_imports, reason = "`export_module` expands to names of the prelude")]
use rhai::plugin::*;

use super::{
    building::{Evaluation, add, declared_measure, seed_of},
    complaint::{Complaint, Raised},
    host::Host,
    phase::Phase,
    recipe::{Filter, Footage},
};
use crate::{
    metrics::Subject,
    spec::{self, SiftSpec},
};

/// Registers the function.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(sifting_functions).into());
}

/// Refuses to sift the people whose labelled clips set the threshold.
fn check_split(footage: &Footage, filter: &Filter) -> Result<(), Complaint> {
    if footage.spec.split != "train" || filter.spec.threshold == "printed" {
        return Ok(());
    }
    let message = "the threshold is calibrated on people of the split `train`".to_owned();
    Err(Complaint::new("setting", message).hint("sift clips of others: `split: \"test\"`"))
}

#[export_module]
#[allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "rhai takes natives as public functions of values, and its macro unwraps"
)]
mod sifting_functions {
    /// Sifts footage by a filter and measures what it keeps, by exact labels: every declared metric
    /// of filters. `seed` decides takes and errors of the estimator. Reports show
    /// `chart(id, results).drawn("still_heads_kept")`, `.drawn("still_profile_angles")` and
    /// `picture(id, results).drawn("still_profile")`. Belongs in `run(trial)`, as its last line.
    /// ```rhai
    /// sift(dataset::footage(), dataset::printed_filter(), trial.seed)
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sift(
        context: NativeCallContext,
        footage: Footage,
        filter: Filter,
        seed: i64,
    ) -> Result<Evaluation, Raised> {
        let host = Host::in_phase(&context, Phase::Run)?;
        check_split(&footage, &filter)?;
        let spec = SiftSpec {
            metrics: declared_measure(&host, Subject::Sift)?.spec.metrics.clone(),
            footage: footage.spec.as_ref().clone(),
            filter: filter.spec.as_ref().clone(),
            seed: seed_of(seed)?,
        };
        let key = add(&host, spec::SIFT, &spec, |stage| stage)?;
        Ok(Evaluation { key })
    }
}
