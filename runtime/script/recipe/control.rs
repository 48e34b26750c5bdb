//! What a control in the place of S must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::ControlSpec,
};

impl Spec for ControlSpec {
    const WHAT: &'static str = "a control";
    const TYPE: &'static str = "Control";
    const NATIVE: &'static str = "control_vector";
    const MANUAL: &'static [&'static str] = &[
        "A vector that enters where S would, without an aligner. `aligner::euler_alone()`,",
        "`aligner::random()` and `aligner::recogniser()` are what there is.",
        "```rhai",
        "let wide = aligner::random().but(#{ width: 128 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self { source: "random".into(), width: 64 }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("source", &self.source, &["euler", "random", "recogniser"])?;
        let own = self.source == "recogniser";
        check::that(own == (self.width == 0), "width", || {
            if own {
                "a recogniser has a width of its own: `width` is 0".to_owned()
            } else {
                "`width` must be at least 1".to_owned()
            }
        })
    }
}
