//! The two namings of UMT5 weights: that of Wan's authors, which ffrun uses, and transformers'.

/// Outside blocks: (original, transformers).
const ROOT: &[Pair] = &[
    ("token_embedding.weight", "shared.weight"),
    ("norm.weight", "encoder.final_layer_norm.weight"),
];

/// Inside a block: (original, transformers).
const BLOCK: &[Pair] = &[
    ("norm1.weight", "layer.0.layer_norm.weight"),
    ("attn.q.weight", "layer.0.SelfAttention.q.weight"),
    ("attn.k.weight", "layer.0.SelfAttention.k.weight"),
    ("attn.v.weight", "layer.0.SelfAttention.v.weight"),
    ("attn.o.weight", "layer.0.SelfAttention.o.weight"),
    ("pos_embedding.embedding.weight", "layer.0.SelfAttention.relative_attention_bias.weight"),
    ("norm2.weight", "layer.1.layer_norm.weight"),
    ("ffn.gate.0.weight", "layer.1.DenseReluDense.wi_0.weight"),
    ("ffn.fc1.weight", "layer.1.DenseReluDense.wi_1.weight"),
    ("ffn.fc2.weight", "layer.1.DenseReluDense.wo.weight"),
];

type Pair = (&'static str, &'static str);

/// The transformers name of an original one: `blocks.3.ffn.fc1.weight` →
/// `encoder.block.3.layer.1.DenseReluDense.wi_1.weight`. `None` for names that are not UMT5's.
pub fn umt5_transformers_from_original(name: &str) -> Option<String> {
    translate(name, ["blocks.", "encoder.block."], |pair| pair)
}

/// The original name of a transformers one; the inverse of [`umt5_transformers_from_original`].
/// `encoder.embed_tokens.weight` has none: files that hold it repeat `shared.weight`.
pub fn umt5_original_from_transformers(name: &str) -> Option<String> {
    translate(name, ["encoder.block.", "blocks."], |(original, theirs)| (theirs, original))
}

fn translate(name: &str, stacks: [&str; 2], direction: impl Fn(Pair) -> Pair) -> Option<String> {
    let find = |table: &[Pair], name: &str| {
        table.iter().copied().map(&direction).find(|(from, _)| *from == name).map(|(_, to)| to)
    };
    if let Some(to) = find(ROOT, name) {
        return Some(to.to_owned());
    }
    let (at, rest) = name.strip_prefix(stacks[0])?.split_once('.')?;
    at.parse::<usize>().ok()?;
    Some(format!("{}{at}.{}", stacks[1], find(BLOCK, rest)?))
}

#[cfg(test)]
mod tests {
    use super::{umt5_original_from_transformers, umt5_transformers_from_original};
    use crate::params::Param;
    use crate::umt5::model::tests::small;

    #[test]
    fn every_parameter_goes_there_and_back() {
        let (_, params) = small();
        for name in params.iter().map(Param::name) {
            let theirs = umt5_transformers_from_original(name).unwrap();
            assert_eq!(umt5_original_from_transformers(&theirs).as_deref(), Some(name));
        }
    }

    #[test]
    fn foreign_names_have_none() {
        for name in
            ["blocks.x.norm1.weight", "blocks.0.ffn.fc3.weight", "encoder.embed_tokens.weight"]
        {
            assert_eq!(umt5_transformers_from_original(name), None, "{name}");
            assert_eq!(umt5_original_from_transformers(name), None, "{name}");
        }
    }
}
