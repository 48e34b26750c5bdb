//! The two namings of Wan weights: the authors' original, which ffrun uses, and diffusers'.

/// Modules outside blocks: (original, diffusers).
const ROOT: &[(&str, &str)] = &[
    ("patch_embedding", "patch_embedding"),
    ("vace_patch_embedding", "vace_patch_embedding"),
    ("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
    ("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
    ("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
    ("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
    ("time_projection.1", "condition_embedder.time_proj"),
    ("img_emb.proj.0", "condition_embedder.image_embedder.norm1"),
    ("img_emb.proj.1", "condition_embedder.image_embedder.ff.net.0.proj"),
    ("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"),
    ("img_emb.proj.4", "condition_embedder.image_embedder.norm2"),
    ("head.head", "proj_out"),
    ("head.modulation", "scale_shift_table"),
];

/// Modules inside a block, base or VACE: (original, diffusers).
const BLOCK: &[(&str, &str)] = &[
    ("modulation", "scale_shift_table"),
    ("self_attn.q", "attn1.to_q"),
    ("self_attn.k", "attn1.to_k"),
    ("self_attn.v", "attn1.to_v"),
    ("self_attn.o", "attn1.to_out.0"),
    ("self_attn.norm_q", "attn1.norm_q"),
    ("self_attn.norm_k", "attn1.norm_k"),
    ("cross_attn.q", "attn2.to_q"),
    ("cross_attn.k", "attn2.to_k"),
    ("cross_attn.v", "attn2.to_v"),
    ("cross_attn.o", "attn2.to_out.0"),
    ("cross_attn.norm_q", "attn2.norm_q"),
    ("cross_attn.norm_k", "attn2.norm_k"),
    ("cross_attn.k_img", "attn2.add_k_proj"),
    ("cross_attn.v_img", "attn2.add_v_proj"),
    ("cross_attn.norm_k_img", "attn2.norm_added_k"),
    // diffusers counts the norms in order of use; the original's norm1 and norm2 have no weights.
    ("norm3", "norm2"),
    ("ffn.0", "ffn.net.0.proj"),
    ("ffn.2", "ffn.net.2"),
    ("before_proj", "proj_in"),
    ("after_proj", "proj_out"),
];

/// The diffusers name of an original one: `blocks.3.ffn.0.bias` → `blocks.3.ffn.net.0.proj.bias`.
/// What follows the module (`.weight`, `.lora_A.default.weight`) is kept. `None` for names that are
/// not Wan's.
pub fn diffusers_from_original(name: &str) -> Option<String> {
    translate(name, |&(original, diffusers)| (original, diffusers))
}

/// The original name of a diffusers one; the inverse of [`diffusers_from_original`].
pub fn original_from_diffusers(name: &str) -> Option<String> {
    translate(name, |&(original, diffusers)| (diffusers, original))
}

/// The name of the base's modulation that a named set stands beside: `blocks.3.modulation_ref` →
/// `blocks.3.modulation`, `time_projection_ref.1.bias` → `time_projection.1.bias`. `None` for other
/// names.
pub fn base_of_named_modulation(name: &str) -> Option<String> {
    let (prefix, module) = split_block(name);
    let base = if prefix.is_empty() { "time_projection" } else { "modulation" };
    let (_set, rest) = match module.strip_prefix(base)?.strip_prefix('_')?.split_once('.') {
        Some((set, rest)) => (set, format!(".{rest}")),
        None => ("", String::new()),
    };
    let found = format!("{prefix}{base}{rest}");
    diffusers_from_original(&found).map(|_| found)
}

type Pair = (&'static str, &'static str);

fn translate(name: &str, direction: impl Fn(&Pair) -> Pair) -> Option<String> {
    let (prefix, module) = split_block(name);
    let table = if prefix.is_empty() { ROOT } else { BLOCK };
    table.iter().map(direction).find_map(|(from, to)| {
        let rest = module.strip_prefix(from)?;
        let whole = rest.is_empty() || rest.starts_with('.');
        whole.then(|| format!("{prefix}{to}{rest}"))
    })
}

/// `blocks.3.ffn.0` → (`blocks.3.`, `ffn.0`); names outside blocks have an empty prefix.
fn split_block(name: &str) -> (&str, &str) {
    let within = |stack: &str| -> Option<usize> {
        let number = name.strip_prefix(stack)?.split('.').next()?;
        number.parse::<usize>().ok()?;
        Some(stack.len() + number.len() + 1)
    };
    match within("blocks.").or_else(|| within("vace_blocks.")) {
        Some(end) if end <= name.len() => name.split_at(end),
        _ => ("", name),
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, ROOT, base_of_named_modulation};
    use super::{diffusers_from_original, original_from_diffusers};

    #[test]
    fn every_name_goes_there_and_back() {
        let root = ROOT.iter().map(|(name, _)| format!("{name}.weight"));
        let block = BLOCK.iter().map(|(name, _)| format!("vace_blocks.11.{name}.bias"));
        for name in root.chain(block) {
            let diffusers = diffusers_from_original(&name).unwrap();
            assert_eq!(original_from_diffusers(&diffusers).as_deref(), Some(name.as_str()));
        }
    }

    #[test]
    fn named_modulation_stands_beside_the_bases() {
        let base = |name: &str| base_of_named_modulation(name);
        assert_eq!(base("blocks.3.modulation_ref").as_deref(), Some("blocks.3.modulation"));
        let projection = base("time_projection_ref.1.bias");
        assert_eq!(projection.as_deref(), Some("time_projection.1.bias"));
        for other in ["blocks.3.modulation", "head.modulation_ref", "time_projection_ref.0.bias"] {
            assert_eq!(base(other), None, "{other}");
        }
    }

    #[test]
    fn a_module_is_matched_whole_and_its_suffix_kept() {
        let check = |original: &str, diffusers: &str| {
            assert_eq!(diffusers_from_original(original).as_deref(), Some(diffusers));
        };
        check("blocks.0.cross_attn.k_img.weight", "blocks.0.attn2.add_k_proj.weight");
        check("blocks.0.self_attn.k.lora_A.weight", "blocks.0.attn1.to_k.lora_A.weight");
        check("blocks.7.modulation", "blocks.7.scale_shift_table");
        check("head.modulation", "scale_shift_table");
        for foreign in ["blocks.0", "blocks.x.ffn.0", "blocks.0.ffn.1.weight", "encoder.conv1"] {
            assert_eq!(diffusers_from_original(foreign), None, "{foreign}");
        }
    }
}
