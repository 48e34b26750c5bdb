//! What a codec and a text encoder must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::{CodecSpec, TextSpec},
};

impl Spec for CodecSpec {
    const WHAT: &'static str = "a codec";
    const TYPE: &'static str = "Codec";
    const NATIVE: &'static str = "patch_codec";
    const MANUAL: &'static [&'static str] = &[
        "A linear codec of square patches, fitted on clips: the micro generator's stand-in for a",
        "video VAE. Takes every setting; `generator::codec()` is the place to start from.",
        "```rhai",
        "let finer = generator::codec().but(#{ channels: 48 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self { patch_px: 8, channels: 32, whiten: 0.5, frames: 1000 }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::at_least_one("patch_px", self.patch_px)?;
        check::at_least_one("frames", self.frames)?;
        let most = 3 * self.patch_px * self.patch_px;
        check::that((1..=most).contains(&self.channels), "channels", || {
            format!("`channels` is {}, but a patch has 1 to {most} numbers", self.channels)
        })?;
        check::within("whiten", self.whiten, 0.0, 1.0)
    }
}

impl Spec for TextSpec {
    const WHAT: &'static str = "a text encoder";
    const TYPE: &'static str = "Text";
    const NATIVE: &'static str = "text_encoder";
    const MANUAL: &'static [&'static str] = &[
        "How captions become embeddings. Takes every setting; `generator::text()` is the place to",
        "start from.",
        "```rhai",
        "let longer = generator::text().but(#{ length: 64 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self { encoder: "words".into(), dim: 64, length: 48, negative: None }
    }

    fn check(&self) -> Result<(), Complaint> {
        check::one_of("encoder", &self.encoder, &["words"])?;
        check::at_least_one("dim", self.dim)?;
        check::at_least_one("length", self.length)
    }
}
