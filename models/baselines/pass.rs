//! The passes of a step and how their velocities are added up, as data.

use serde::{Deserialize, Serialize};

use crate::flow::Guidance;

/// One pass through the network. Passes form a chain: v = v₀ + Σ sₖ·(vₖ − vₖ₋₁) over k ≥ 1, sₖ the
/// `scale` of pass k. Two passes of scale 5 are classifier-free guidance at 5; Phantom's three are
/// v₀ + 5·(v₁ − v₀) + 7.5·(v₂ − v₁).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PassSpec {
    /// Its name, e.g. `negative`.
    pub name: String,
    /// Whether it is given the prompt; otherwise the negative text.
    pub prompt: bool,
    /// What it is given of the person.
    pub identity: Presence,
    /// How far to go from the pass before to this one; without a meaning in the first.
    pub scale: f64,
}

/// What a pass is given of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Everything there is.
    #[default]
    Given,
    /// The same tokens and inputs without content: zeros, and grey pictures in VACE's control.
    Blank,
    /// No reference tokens, no control, no face and no S. Input channels and image tokens, which
    /// a network built for them cannot go without, are zeros.
    Absent,
}

impl Default for PassSpec {
    fn default() -> Self {
        Self { name: "positive".into(), prompt: true, identity: Presence::Given, scale: 1.0 }
    }
}

impl PassSpec {
    /// A negative pass with the person in it, and a positive one at `scale`.
    pub fn classifier_free(scale: f64) -> Vec<Self> {
        let negative = Self { name: "negative".into(), prompt: false, ..Self::default() };
        vec![negative, Self { scale, ..Self::default() }]
    }
}

/// The sum that a chain of passes comes to: pass k weighs sₖ − sₖ₊₁, with s₀ = 1 and 0 at the end.
pub(super) fn guidance(passes: &[PassSpec]) -> Guidance {
    let scale = |at: usize| match passes.get(at) {
        Some(_) if at == 0 => 1.0,
        Some(pass) => pass.scale,
        None => 0.0,
    };
    let weights = passes.iter().enumerate().map(|(at, pass)| {
        let weight = scale(at) - scale(at + 1);
        (pass.name.clone(), weight)
    });
    Guidance::new(weights)
}

#[cfg(test)]
mod tests {
    use super::{PassSpec, Presence, guidance};
    use crate::flow::Guidance;

    #[test]
    fn chains_are_the_published_sums() {
        assert_eq!(guidance(&PassSpec::classifier_free(5.0)), Guidance::classifier_free(5.0));
        assert_eq!(guidance(&PassSpec::classifier_free(1.0)), Guidance::none());
        let pass = |name: &str, scale| PassSpec { name: name.into(), scale, ..PassSpec::default() };
        let three = [pass("negative", 1.0), pass("reference", 5.0), pass("positive", 7.5)];
        assert_eq!(guidance(&three), Guidance::phantom(5.0, 7.5));
    }

    #[test]
    fn settings_have_defaults_and_unknown_ones_are_refused() {
        let pass: PassSpec = serde_json::from_str(r#"{"identity": "blank"}"#).unwrap();
        assert_eq!((pass.identity, pass.prompt), (Presence::Blank, true));
        assert!(serde_json::from_str::<PassSpec>(r#"{"weight": 1.0}"#).is_err());
    }
}
