//! What an in-world evaluator's settings must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::EvaluatorSpec,
};

impl Spec for EvaluatorSpec {
    const WHAT: &'static str = "an evaluator";
    const TYPE: &'static str = "Evaluator";
    const NATIVE: &'static str = "in_world_evaluator";
    const MANUAL: &'static [&'static str] = &[
        "A small network that measures frames of the embedded heads, before training. Takes every",
        "setting; `evaluators::arcface()` and its siblings are the places to start from.",
        "```rhai",
        "let softer = evaluators::arcface().but(#{ margin: 0.3 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self {
            measures: "arcface".into(),
            image_px: 64,
            patch_px: 8,
            width: 96,
            depth: 3,
            heads: 3,
            mlp_ratio: 2,
            embedding: 128,
            scale: 32.0,
            margin: 0.5,
            margin_warmup: 500,
            classes_lr: 1.0,
            text_hidden: 192,
            least_visible: 0.5,
            shift_px: 3,
            blur: 0.25,
            swapped: 0.0,
            steps: 2000,
            people: 64,
            frames_each: 1,
            muon_lr: 0.0,
            lr: 1e-3,
            warmup: 100,
            weight_decay: 0.05,
            beta1: 0.9,
            beta2: 0.99,
            clip: 1.0,
            ema: 0.0,
            log_every: 20,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        let kinds = ["arcface", "curricularface", "pose", "captions"];
        check::one_of("measures", &self.measures, &kinds)?;
        let sizes = [
            ("image_px", self.image_px),
            ("patch_px", self.patch_px),
            ("width", self.width),
            ("heads", self.heads),
            ("mlp_ratio", self.mlp_ratio),
            ("embedding", self.embedding),
            ("text_hidden", self.text_hidden),
            ("people", self.people),
            ("frames_each", self.frames_each),
        ];
        sizes.iter().try_for_each(|(name, size)| check::at_least_one(name, *size))?;
        check::that(self.image_px.is_multiple_of(self.patch_px), "image_px", || {
            let (image, patch) = (self.image_px, self.patch_px);
            format!("`image_px` is {image}, but must be a multiple of `patch_px`, {patch}")
        })?;
        check::that(self.width.is_multiple_of(self.heads), "width", || {
            let (width, heads) = (self.width, self.heads);
            format!("`width` is {width}, but must be a multiple of `heads`, {heads}")
        })?;
        check::within("muon_lr", self.muon_lr, 0.0, 1.0)?;
        check::positive("scale", self.scale)?;
        check::within("margin", self.margin, 0.0, std::f64::consts::FRAC_PI_2)?;
        check::positive("classes_lr", self.classes_lr)?;
        check::within("least_visible", self.least_visible, 0.0, 1.0)?;
        check::within("blur", self.blur, 0.0, 1.0)?;
        check::within("swapped", self.swapped, 0.0, 1.0)?;
        self.check_training()
    }
}

impl EvaluatorSpec {
    fn check_training(&self) -> Result<(), Complaint> {
        check::that(self.steps >= 1, "steps", || "`steps` must be at least 1".to_owned())?;
        check::that(self.log_every >= 1, "log_every", || "`log_every` must be at least 1".into())?;
        check::that(self.warmup <= self.steps, "warmup", || {
            let (warmup, steps) = (self.warmup, self.steps);
            format!("`warmup` is {warmup}, but the training has only {steps} steps")
        })?;
        check::that(self.shift_px < self.image_px, "shift_px", || {
            let (shift, image) = (self.shift_px, self.image_px);
            format!("`shift_px` is {shift}, but the frames are only {image} px wide")
        })?;
        check::optimiser(self.lr, self.weight_decay, [self.beta1, self.beta2], self.clip)?;
        check::within("ema", self.ema, 0.0, 0.999_999)
    }
}
