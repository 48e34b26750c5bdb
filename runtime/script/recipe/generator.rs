//! What a generator and its adapter must satisfy.

use super::{Spec, check};
use crate::{
    script::{complaint::Complaint, rehearsal::Role},
    spec::{AdapterSpec, GeneratorSpec},
};

/// Projections that an adapter can sit on.
pub(crate) const PLACES: [&str; 9] =
    ["self_q", "self_k", "self_v", "self_o", "cross_q", "cross_k", "cross_v", "cross_o", "ffn"];

impl Spec for GeneratorSpec {
    const WHAT: &'static str = "a generator";
    const TYPE: &'static str = "Generator";
    const NATIVE: &'static str = "wan_vace";
    const MANUAL: &'static [&'static str] = &[
        "A Wan diffusion transformer with its VACE branch, before training. Takes every setting;",
        "`generator::micro()` is the place to start from.",
        "```rhai",
        "let deeper = generator::micro().but(#{ blocks: 8 });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self {
            width: 96,
            ffn_width: 384,
            heads: 3,
            blocks: 4,
            vace_blocks: vec![0, 2],
            patch: 2,
            freq_width: 256,
            position_channels: true,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        let sizes = [
            ("width", self.width),
            ("ffn_width", self.ffn_width),
            ("heads", self.heads),
            ("blocks", self.blocks),
            ("patch", self.patch),
            ("freq_width", self.freq_width),
        ];
        sizes.iter().try_for_each(|(name, size)| check::at_least_one(name, *size))?;
        check::that(self.width.is_multiple_of(2 * self.heads), "width", || {
            let (width, heads) = (self.width, self.heads);
            format!("`width` is {width}, but each of the {heads} `heads` needs an even share of it")
        })?;
        check::that(self.freq_width.is_multiple_of(2), "freq_width", || {
            format!("`freq_width` is {}, but must be even", self.freq_width)
        })?;
        let rising = self.vace_blocks.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = self.vace_blocks.iter().all(|block| *block < self.blocks);
        check::that(rising && inside, "vace_blocks", || {
            format!("`vace_blocks` must hold rising numbers of blocks below {}", self.blocks)
        })
    }
}

impl Spec for AdapterSpec {
    const WHAT: &'static str = "an adapter";
    const TYPE: &'static str = "Adapter";
    const NATIVE: &'static str = "low_rank_adapter";
    const MANUAL: &'static [&'static str] = &[
        "What tuning adds to a frozen generator: LoRA, and the way S comes in. Takes every",
        "setting; `generator::adapter()` is the place to start from.",
        "```rhai",
        "let as_token = generator::adapter().but(#{ injection: \"token\" });",
        "```",
    ];
    const CLOSURES: &'static [Role] = &[];

    fn example() -> Self {
        Self {
            rank: 16,
            alpha: 16.0,
            places: vec!["self_q".into(), "self_k".into(), "self_v".into()],
            branches: vec!["base".into(), "vace".into()],
            injection: "add".into(),
            shared_dropout: 0.1,
            joint: false,
        }
    }

    fn check(&self) -> Result<(), Complaint> {
        self.places.iter().try_for_each(|name| check::one_of("place", name, &PLACES))?;
        self.branches
            .iter()
            .try_for_each(|name| check::one_of("branch", name, &["base", "vace"]))?;
        let kinds = ["add", "token", "adaln", "xattn", "none"];
        check::one_of("injection", &self.injection, &kinds)?;
        check::positive("alpha", self.alpha)?;
        check::within("shared_dropout", self.shared_dropout, 0.0, 1.0)
    }
}
