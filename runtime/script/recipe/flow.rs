//! What a flow-matching training and a sampler must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::{Choice, FlowSpec, SamplerSpec},
};

impl Spec for FlowSpec {
    const WHAT: &'static str = "a flow-matching schedule";
    const TYPE: &'static str = "Flow";
    const NATIVE: &'static str = "flow_matching";
    const MANUAL: &'static [&'static str] = &[
        "Noise levels, batches, optimiser and length of a generator's training. Takes every",
        "setting; `schedule::pretraining()` and `schedule::tuning()` are the places to start from.",
        "`lr_schedule` may be a function.",
        "```rhai",
        "let longer = schedule::tuning().but(#{ steps: 2000 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[Role::LrSchedule];

    fn example() -> Self {
        Self {
            steps: 100,
            batch: 8,
            timesteps: "uniform".into(),
            shift: 3.0,
            weighting: "none".into(),
            loss_on_reference: false,
            text_dropout: 0.1,
            reference_dropout: 0.1,
            optimiser: "adamw".into(),
            muon_lr: 0.02,
            lr: 1e-3,
            lr_schedule: Choice::Builtin("cosine".into()),
            warmup: 10,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.99,
            clip: 1.0,
            ema: 0.0,
            log_every: 10,
            validate_every: 100,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("timesteps", &self.timesteps, &["table", "uniform", "logit_normal"])?;
        check::one_of("weighting", &self.weighting, &["none", "bell"])?;
        check::one_of("optimiser", &self.optimiser, &["adamw", "muon"])?;
        check::positive("muon_lr", self.muon_lr)?;
        check::choice("lr_schedule", &self.lr_schedule, &["constant", "cosine"])?;
        check::that(self.steps >= 1, "steps", || "`steps` must be at least 1".to_owned())?;
        check::at_least_one("batch", self.batch)?;
        check::that(self.log_every >= 1, "log_every", || "`log_every` must be at least 1".into())?;
        check::that(self.warmup <= self.steps, "warmup", || {
            let (warmup, steps) = (self.warmup, self.steps);
            format!("`warmup` is {warmup}, but the training has only {steps} steps")
        })?;
        check::positive("shift", self.shift)?;
        check::within("text_dropout", self.text_dropout, 0.0, 1.0)?;
        check::within("reference_dropout", self.reference_dropout, 0.0, 1.0)?;
        check::optimiser(self.lr, self.weight_decay, [self.beta1, self.beta2], self.clip)?;
        check::within("ema", self.ema, 0.0, 0.999_999)
    }
}

impl Spec for SamplerSpec {
    const WHAT: &'static str = "a sampler";
    const TYPE: &'static str = "Sampler";
    const NATIVE: &'static str = "sampling";
    const MANUAL: &'static [&'static str] = &[
        "How clips are sampled. Takes every setting; `sampler::unipc()` and `sampler::euler()` are",
        "the places to start from.",
        "```rhai",
        "let careful = sampler::unipc().but(#{ steps: 50 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self {
            method: "unipc".into(),
            steps: 10,
            shift: 3.0,
            guidance: 2.0,
            guides: "text".into(),
            vace_scale: 1.0,
            seed: 0,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("method", &self.method, &["euler", "unipc", "dpmpp_2m"])?;
        check::one_of("guides", &self.guides, &["text", "all"])?;
        check::at_least_one("steps", self.steps)?;
        check::positive("shift", self.shift)?;
        check::within("guidance", self.guidance, 0.0, 100.0)?;
        check::within("vace_scale", self.vace_scale, 0.0, 10.0)
    }
}
