//! What a training's settings must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::{Choice, ScheduleSpec},
};

impl Spec for ScheduleSpec {
    const WHAT: &'static str = "a schedule";
    const TYPE: &'static str = "Schedule";
    const NATIVE: &'static str = "training";
    const MANUAL: &'static [&'static str] = &[
        "Batches, optimiser and length of a training. Takes every setting; `schedule::aligner()`",
        "is the place to start from. `lr_schedule` and `extra_loss` may be functions.",
        "```rhai",
        "let longer = schedule::aligner().but(#{ steps: 1000 });",
        "let linear = schedule::aligner().but(#{ lr_schedule: |progress| 1.0 - progress });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[Role::LrSchedule, Role::ExtraLoss];

    fn example() -> Self {
        Self {
            steps: 200,
            pairs: 128,
            chunk: 128,
            min_gap_deg: 0.0,
            lr: 1e-3,
            lr_schedule: Choice::Builtin("cosine".into()),
            warmup: 20,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            clip: 1.0,
            ema: 0.0,
            logit_scale: 2.659,
            mask_same_identity: true,
            extra_loss: Choice::Builtin("none".into()),
            log_every: 10,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::choice("lr_schedule", &self.lr_schedule, &["constant", "cosine"])?;
        check::choice("extra_loss", &self.extra_loss, &["none"])?;
        check::that(self.steps >= 1, "steps", || "`steps` must be at least 1".to_owned())?;
        check::that(self.pairs >= 2, "pairs", || {
            "`pairs` must be at least 2: the loss contrasts a pair with others".to_owned()
        })?;
        check::at_least_one("chunk", self.chunk)?;
        check::that(self.log_every >= 1, "log_every", || "`log_every` must be at least 1".into())?;
        check::that(self.warmup <= self.steps, "warmup", || {
            let (warmup, steps) = (self.warmup, self.steps);
            format!("`warmup` is {warmup}, but the training has only {steps} steps")
        })?;
        check::within("min_gap_deg", self.min_gap_deg, 0.0, 180.0)?;
        check::optimiser(self.lr, self.weight_decay, [self.beta1, self.beta2], self.clip)?;
        check::within("ema", self.ema, 0.0, 0.999_999)?;
        // ln 100 is where the scale is clamped, as in CLIP.
        check::within("logit_scale", self.logit_scale, 0.0, 100.0_f64.ln())
    }
}
