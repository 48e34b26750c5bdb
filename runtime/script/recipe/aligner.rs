//! What an aligner's settings must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::{AlignerSpec, Choice},
};

impl Spec for AlignerSpec {
    const WHAT: &'static str = "an aligner";
    const TYPE: &'static str = "Model";
    const NATIVE: &'static str = "aligner_model";
    const MANUAL: &'static [&'static str] = &[
        "A pose-shared identity aligner before training. Takes every setting; `aligner::paper()`",
        "and `aligner::recommended()` are the places to start from. `pool` and `normalizer` may be",
        "functions.",
        "```rhai",
        "let model = aligner::paper().but(#{ elements: 8192 });",
        "let soft  = aligner::paper().but(#{ pool: |c| (c * 8.0).log_sum_exp(-2) / 8.0 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[Role::Pool, Role::Normalizer];
    const OPTIONAL: &'static [&'static str] = &["mixer"];

    fn example() -> Self {
        Self {
            tokenizer: "vit".into(),
            image_px: 64,
            patch_px: 16,
            width: 64,
            depth: 2,
            heads: 2,
            mlp_ratio: 2,
            euler: "timestep".into(),
            // Not the default, so that scripts may set it.
            mixer: "mlp".into(),
            elements: 4096,
            pool: Choice::Builtin("max".into()),
            normalizer: Choice::Builtin("none".into()),
            scale: "one".into(),
            temperature: 1.0,
            temperature_decay: 1.0,
            temperature_floor: 0.01,
            dictionary_std: 0.02,
            output_norm: "l2".into(),
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("tokenizer", &self.tokenizer, &["vit"])?;
        check::one_of("euler", &self.euler, &["timestep", "fourier", "rot6d", "none"])?;
        check::one_of("mixer", &self.mixer, &["dictionary", "mlp"])?;
        self.check_mixer()?;
        check::choice("pool", &self.pool, &["max", "mean", "sum"])?;
        check::choice("normalizer", &self.normalizer, &["none", "softmax", "sparsemax"])?;
        check::one_of("scale", &self.scale, &["one", "rsqrt_width"])?;
        check::one_of("output_norm", &self.output_norm, &["l2", "rms", "none"])?;
        let sizes = [
            ("image_px", self.image_px),
            ("patch_px", self.patch_px),
            ("width", self.width),
            ("heads", self.heads),
            ("mlp_ratio", self.mlp_ratio),
            ("elements", self.elements),
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
        check::positive("temperature", self.temperature)?;
        check::positive("temperature_decay", self.temperature_decay)?;
        check::positive("temperature_floor", self.temperature_floor)?;
        check::positive("dictionary_std", self.dictionary_std)
    }
}

impl AlignerSpec {
    /// Refuses settings of a dictionary that an MLP has no place for.
    fn check_mixer(&self) -> Result<(), Complaint> {
        let plain = self.normalizer == Choice::Builtin("none".to_owned()) && self.scale == "one";
        check::that(self.mixer == "dictionary" || plain, "mixer", || {
            "`mixer: \"mlp\"` has no correlations to normalise or scale; it takes `normalizer: \
             \"none\"` and `scale: \"one\"`"
                .to_owned()
        })?;
        check::that(self.mixer == "dictionary" || self.elements >= 4, "elements", || {
            format!("`elements` is {}, too few for an MLP with as many weights", self.elements)
        })
    }
}
