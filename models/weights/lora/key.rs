//! The names that tools give to the tensors of a low-rank adapter.

use crate::weights::naming::without_prefix;

/// Which tensor of an adapter a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A, `[r, inputs]`.
    Down,
    /// B, `[outputs, r]`.
    Up,
    /// α, one number.
    Alpha,
}

/// Ends of keys: PEFT and DiffSynth, kohya and ComfyUI, old diffusers, Stand-In.
const ENDS: &[(&str, Part)] = &[
    (".lora_A.weight", Part::Down),
    (".lora_B.weight", Part::Up),
    (".lora_down.weight", Part::Down),
    (".lora_up.weight", Part::Up),
    (".lora.down.weight", Part::Down),
    (".lora.up.weight", Part::Up),
    ("_loras.down.weight", Part::Down),
    ("_loras.up.weight", Part::Up),
    (".alpha", Part::Alpha),
];

/// The layer that a key adapts, without tools' prefixes, and the part; none for other keys.
pub(super) fn parse(key: &str) -> Option<(&str, Part)> {
    let bare = without_prefix(key);
    let plain = ENDS.iter().find_map(|(end, part)| Some((bare.strip_suffix(end)?, *part)));
    plain.or_else(|| {
        // PEFT in memory, and DiffSynth in files: `….lora_A.<adapter>.weight`.
        let (rest, _adapter) = bare.strip_suffix(".weight")?.rsplit_once('.')?;
        let down = rest.strip_suffix(".lora_A").map(|layer| (layer, Part::Down));
        down.or_else(|| Some((rest.strip_suffix(".lora_B")?, Part::Up)))
    })
}

#[cfg(test)]
mod tests {
    use super::{Part, parse};

    #[test]
    fn every_style_names_the_same_layer() {
        let layer = "blocks.3.self_attn.q";
        for key in [
            "base_model.model.blocks.3.self_attn.q.lora_A.weight",
            "blocks.3.self_attn.q.lora_A.default.weight",
            "diffusion_model.blocks.3.self_attn.q.lora_down.weight",
            "transformer.blocks.3.self_attn.q.lora.down.weight",
            "blocks.3.self_attn.q_loras.down.weight",
        ] {
            assert_eq!(parse(key), Some((layer, Part::Down)), "{key}");
        }
        assert_eq!(parse("blocks.3.self_attn.q.lora_B.face.weight"), Some((layer, Part::Up)));
        assert_eq!(parse("blocks.3.self_attn.q.alpha"), Some((layer, Part::Alpha)));
        for other in ["blocks.3.self_attn.q.weight", "blocks.3.diff_b", "lora_A.weight"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
