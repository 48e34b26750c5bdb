//! Brings the names in public checkpoints to the original ones, which ffrun uses.

use super::{WeightFiles, WeightResult};
use crate::umt5::{umt5_original_from_transformers, umt5_transformers_from_original};
use crate::vae::{vae_diffusers_from_original, vae_original_from_diffusers};
use crate::wan::{base_of_named_modulation, diffusers_from_original, original_from_diffusers};

/// Which network a checkpoint is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Wan's transformer, with or without VACE.
    Wan,
    /// Wan's video autoencoder.
    Vae {
        /// Residual blocks of an encoder level, on which diffusers' numbering depends: 2 in Wan's.
        res_blocks: usize,
    },
    /// The text encoder. Files of transformers may hold `encoder.embed_tokens.weight` beside
    /// `shared.weight`, which is the same.
    Umt5,
}

/// The two namings there are of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The authors' (`blocks.0.self_attn.q`).
    Original,
    /// That of diffusers or transformers (`blocks.0.attn1.to_q`).
    HuggingFace,
}

impl Family {
    /// The naming that a set of names follows, told by what only one of them has; the original if
    /// nothing tells.
    pub fn naming<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Naming {
        let theirs = |name: &str| {
            let name = without_prefix(name);
            self.original_of(name).is_some() && self.theirs_of(name).is_none()
        };
        if names.into_iter().any(theirs) { Naming::HuggingFace } else { Naming::Original }
    }

    /// The original name of a tensor, without what tools put before it; none for names that are not
    /// this network's.
    pub fn original_name(self, name: &str, naming: Naming) -> Option<String> {
        let bare = without_prefix(name);
        match naming {
            Naming::Original => {
                let known = self.theirs_of(bare).is_some() || self.is_addition(bare);
                known.then(|| bare.to_owned())
            }
            Naming::HuggingFace => self.original_of(bare),
        }
    }

    /// Whether a name is of what methods have added to the network, under names of their own.
    fn is_addition(self, name: &str) -> bool {
        self == Self::Wan && base_of_named_modulation(name).is_some()
    }

    fn theirs_of(self, name: &str) -> Option<String> {
        match self {
            Self::Wan => diffusers_from_original(name),
            Self::Vae { res_blocks } => vae_diffusers_from_original(name, res_blocks),
            Self::Umt5 => umt5_transformers_from_original(name),
        }
    }

    fn original_of(self, name: &str) -> Option<String> {
        match self {
            Self::Wan => original_from_diffusers(name),
            Self::Vae { res_blocks } => vae_original_from_diffusers(name, res_blocks),
            Self::Umt5 => umt5_original_from_transformers(name),
        }
    }
}

impl WeightFiles {
    /// The same tensors under their original names, whichever naming they follow. Names that are
    /// not this network's stay, for the report to show.
    ///
    /// # Errors
    /// When two tensors come to have one name.
    pub fn in_original_names(self, family: Family) -> WeightResult<Self> {
        let naming = family.naming(self.shapes().map(|(name, _)| name));
        self.renamed(|name| family.original_name(name, naming))
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

/// The name without any of the known prefixes, however many there are.
pub(super) fn without_prefix(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{Family, Naming};

    #[test]
    fn both_namings_and_all_prefixes_come_to_the_original() {
        let name = "blocks.3.self_attn.q.weight";
        for prefix in ["", "diffusion_model.", "base_model.model.", "model.diffusion_model."] {
            let found = Family::Wan.original_name(&format!("{prefix}{name}"), Naming::Original);
            assert_eq!(found.as_deref(), Some(name));
            let theirs = format!("{prefix}blocks.3.attn1.to_q.weight");
            let found = Family::Wan.original_name(&theirs, Naming::HuggingFace);
            assert_eq!(found.as_deref(), Some(name));
        }
        assert_eq!(Family::Wan.original_name("visual.conv1.weight", Naming::Original), None);
    }

    #[test]
    fn the_naming_is_told_by_names_only_one_has() {
        let vae = Family::Vae { res_blocks: 2 };
        let cases = [
            (Family::Wan, "blocks.0.attn1.to_q.weight", Naming::HuggingFace),
            (Family::Wan, "blocks.0.self_attn.q.weight", Naming::Original),
            (Family::Wan, "patch_embedding.weight", Naming::Original),
            (vae, "encoder.conv_in.weight", Naming::HuggingFace),
            (vae, "encoder.conv1.weight", Naming::Original),
            (Family::Umt5, "shared.weight", Naming::HuggingFace),
            (Family::Umt5, "token_embedding.weight", Naming::Original),
        ];
        for (family, name, expected) in cases {
            assert_eq!(family.naming([name]), expected, "{name}");
        }
    }
}
