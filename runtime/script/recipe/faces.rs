//! What a set of face stills must satisfy.

use super::{Spec, check};
use crate::{
    data::heads::pose_grid,
    script::{complaint::Complaint, rehearsal::Role},
    spec::FacesSpec,
};

impl Spec for FacesSpec {
    const WHAT: &'static str = "a set of stills";
    const TYPE: &'static str = "Dataset";
    const NATIVE: &'static str = "stills";
    const MANUAL: &'static [&'static str] = &[
        "Still images of heads with exact angles. Takes every setting; `heads::stills()` is the",
        "place to start from.",
        "```rhai",
        "let faces = heads::stills();",
        "let wide  = faces.train.but(#{ yaw_deg: 90 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];
    const OPTIONAL: &'static [&'static str] = &["yaw_least_deg"];

    fn example() -> Self {
        Self {
            split: "train".into(),
            identities: 16,
            views: 6,
            size_px: 64,
            world: 0,
            yaw_deg: 75.0,
            yaw_least_deg: 15.0,
            pitch_deg: 30.0,
            roll_deg: 20.0,
            expression: 1.0,
            occlusion: 0.1,
            surroundings: "per_view".into(),
            pose_grid: false,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("split", &self.split, &["train", "validation", "test"])?;
        check::one_of("surroundings", &self.surroundings, &["per_person", "per_view"])?;
        check::at_least_one("identities", self.identities)?;
        check::at_least_one("views", self.views)?;
        check::that((8..=1024).contains(&self.size_px), "size_px", || {
            format!("`size_px` is {}, but must lie in 8 to 1024", self.size_px)
        })?;
        let grid = pose_grid().len();
        check::that(!self.pose_grid || self.views <= grid, "views", || {
            let views = self.views;
            format!("`views` is {views}, but the grid of `pose_grid` has {grid} poses")
        })?;
        check::within("yaw_deg", self.yaw_deg, 0.0, 180.0)?;
        check::within("yaw_least_deg", self.yaw_least_deg, 0.0, self.yaw_deg)?;
        check::within("pitch_deg", self.pitch_deg, 0.0, 90.0)?;
        check::within("roll_deg", self.roll_deg, 0.0, 180.0)?;
        check::within("expression", self.expression, 0.0, 2.0)?;
        check::within("occlusion", self.occlusion, 0.0, 1.0)
    }
}
