//! Brings the names of public Wan checkpoints to the original ones, which ffrun uses.

use crate::wan::{diffusers_from_original, original_from_diffusers};

/// The two namings of Wan transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The authors' (`blocks.0.self_attn.q`).
    Original,
    /// diffusers' (`blocks.0.attn1.to_q`).
    Diffusers,
}

impl Naming {
    /// The naming that a set of names follows, told by what only one of them has; the original if
    /// nothing tells.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let diffusers = |name: &str| {
            let name = without_prefix(name);
            original_from_diffusers(name).is_some() && diffusers_from_original(name).is_none()
        };
        if names.into_iter().any(diffusers) { Self::Diffusers } else { Self::Original }
    }
}

/// What tools put before every name.
const PREFIXES: &[&str] = &[
    "base_model.model.",
    "model.diffusion_model.",
    "diffusion_model.",
    "transformer.",
    "model.",
    "module.",
    "pipe.dit.",
    "dit.",
];

/// The original name of a tensor of a Wan transformer, without what tools put before it; none for
/// names that are not Wan's.
pub fn wan_name(name: &str, naming: Naming) -> Option<String> {
    let bare = without_prefix(name);
    match naming {
        Naming::Original => diffusers_from_original(bare).map(|_| bare.to_owned()),
        Naming::Diffusers => original_from_diffusers(bare),
    }
}

/// The name without any of the known prefixes, however many there are.
pub(super) fn without_prefix(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{Naming, wan_name};

    #[test]
    fn both_namings_and_all_prefixes_come_to_the_original() {
        let name = "blocks.3.self_attn.q.weight";
        for prefix in ["", "diffusion_model.", "base_model.model.", "model.diffusion_model."] {
            let found = wan_name(&format!("{prefix}{name}"), Naming::Original);
            assert_eq!(found.as_deref(), Some(name));
            let found = wan_name(&format!("{prefix}blocks.3.attn1.to_q.weight"), Naming::Diffusers);
            assert_eq!(found.as_deref(), Some(name));
        }
        assert_eq!(wan_name("visual.conv1.weight", Naming::Original), None);
    }

    #[test]
    fn the_naming_is_told_by_names_only_one_has() {
        assert_eq!(
            Naming::of(["patch_embedding.weight", "blocks.0.attn1.to_q.weight"]),
            Naming::Diffusers
        );
        assert_eq!(
            Naming::of(["patch_embedding.weight", "blocks.0.self_attn.q.weight"]),
            Naming::Original
        );
        assert_eq!(Naming::of(["patch_embedding.weight"]), Naming::Original);
    }
}
