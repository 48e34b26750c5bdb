//! What footage and the filters that sift it must satisfy.

use super::{Spec, check};
use crate::{
    data::heads::Family,
    script::{complaint::Complaint, rehearsal::Role},
    spec::{FilterSpec, FootageSpec},
};

impl Spec for FootageSpec {
    const WHAT: &'static str = "footage";
    const TYPE: &'static str = "Footage";
    const NATIVE: &'static str = "tracked_footage";
    const MANUAL: &'static [&'static str] = &[
        "Clips of the embedded world as a pose estimator sees them, nothing drawn. Takes every",
        "setting; `dataset::footage()` is the place to start from.",
        "```rhai",
        "let rough = dataset::footage().but(#{ error_deg: 6 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self {
            split: "test".into(),
            identities: 40,
            families: vec!["turning".into(), "speech".into()],
            still_yaw_deg: vec![0.0, 85.0],
            frames: 81,
            fps: 16.0,
            world: 0,
            error_deg: 3.0,
            seen_deg: 90.0,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        let families = Family::ALL.map(Family::name);
        self.families.iter().try_for_each(|name| check::one_of("family", name, &families))?;
        let stills = self.still_yaw_deg.iter();
        stills.copied().try_for_each(|yaw| check::within("still_yaw_deg", yaw, 0.0, 90.0))?;
        let none = self.families.is_empty() && self.still_yaw_deg.is_empty();
        check::that(!none, "families", || "the footage has no clips".to_owned())?;
        check::one_of("split", &self.split, &["train", "validation", "test"])?;
        check::at_least_one("identities", self.identities)?;
        check::that(self.frames >= 2, "frames", || "`frames` must be at least 2".to_owned())?;
        check::within("fps", self.fps, 1.0, 240.0)?;
        check::within("error_deg", self.error_deg, 0.0, 60.0)?;
        check::within("seen_deg", self.seen_deg, 0.0, 180.0)
    }
}

impl Spec for FilterSpec {
    const WHAT: &'static str = "a filter";
    const TYPE: &'static str = "Filter";
    const NATIVE: &'static str = "pose_filter";
    const MANUAL: &'static [&'static str] = &[
        "Keeps clips in which the head turns. Takes every setting; `dataset::printed_filter()` and",
        "its siblings are the places to start from.",
        "```rhai",
        "let few_labels = dataset::geodesic_filter().but(#{ labelled: 200 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self { measure: "range".into(), threshold: "calibrated".into(), labelled: 2000 }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("measure", &self.measure, &["range", "geodesic"])?;
        check::one_of("threshold", &self.threshold, &["printed", "calibrated"])?;
        check::at_least_one("labelled", self.labelled)?;
        let printed = self.threshold == "printed" && self.measure != "range";
        check::that(!printed, "threshold", || {
            "the paper prints a threshold for the measure `range` alone; use `calibrated`"
                .to_owned()
        })
    }
}
