//! What a set of clips must satisfy.

use super::{Spec, check};
use crate::{
    data::heads::Family,
    script::{complaint::Complaint, rehearsal::Role},
    spec::ClipsetSpec,
};

impl Spec for ClipsetSpec {
    const WHAT: &'static str = "a set of clips";
    const TYPE: &'static str = "Clipset";
    const NATIVE: &'static str = "clipset";
    const MANUAL: &'static [&'static str] = &[
        "Clips of heads with captions, exact poses and references. Takes every setting;",
        "`heads::clips()` is the place to start from.",
        "```rhai",
        "let clips = heads::clips();",
        "let calm  = clips.test.but(#{ families: [\"speech\"] });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];
    const OPTIONAL: &'static [&'static str] = &["reference_yaw_least_deg"];

    fn example() -> Self {
        Self {
            split: "train".into(),
            identities: 16,
            clips_each: 6,
            families: Family::ALL.iter().map(|family| family.name().to_owned()).collect(),
            frames: 4,
            fps: 2.0,
            size_px: 64,
            world: 0,
            reference_yaw_deg: 30.0,
            reference_yaw_least_deg: 15.0,
            reference_pitch_deg: 15.0,
            reference_roll_deg: 10.0,
            reference_expression: 0.5,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("split", &self.split, &["train", "validation", "test"])?;
        let known: Vec<&str> = Family::ALL.iter().map(|family| family.name()).collect();
        check::that(!self.families.is_empty(), "families", || {
            "`families` is empty: name at least one motion programme".to_owned()
        })?;
        self.families.iter().try_for_each(|name| check::one_of("family", name, &known))?;
        check::at_least_one("identities", self.identities)?;
        check::at_least_one("clips_each", self.clips_each)?;
        check::at_least_one("frames", self.frames)?;
        check::within("fps", self.fps, 1.0, 240.0)?;
        check::within("size_px", self.size_px as f64, 8.0, 1024.0)?;
        check::within("reference_yaw_deg", self.reference_yaw_deg, 0.0, 180.0)?;
        check::within(
            "reference_yaw_least_deg",
            self.reference_yaw_least_deg,
            0.0,
            self.reference_yaw_deg,
        )?;
        check::within("reference_pitch_deg", self.reference_pitch_deg, 0.0, 90.0)?;
        check::within("reference_roll_deg", self.reference_roll_deg, 0.0, 180.0)?;
        check::within("reference_expression", self.reference_expression, 0.0, 2.0)
    }
}
