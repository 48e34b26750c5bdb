//! The two namings of VAE weights: the authors' original, which ffrun uses, and diffusers'.

/// Modules outside blocks: (original, diffusers).
const ROOT: &[Pair] = &[
    ("encoder.conv1", "encoder.conv_in"),
    ("encoder.head.0", "encoder.norm_out"),
    ("encoder.head.2", "encoder.conv_out"),
    ("conv1", "quant_conv"),
    ("conv2", "post_quant_conv"),
    ("decoder.conv1", "decoder.conv_in"),
    ("decoder.head.0", "decoder.norm_out"),
    ("decoder.head.2", "decoder.conv_out"),
];

/// The middle of either half, below `encoder.` or `decoder.`.
const MIDDLE: &[Pair] = &[
    ("middle.0.", "mid_block.resnets.0."),
    ("middle.1.", "mid_block.attentions.0."),
    ("middle.2.", "mid_block.resnets.1."),
];

/// Modules inside a block: residual, attention or resampling.
const BLOCK: &[Pair] = &[
    ("residual.0", "norm1"),
    ("residual.2", "conv1"),
    ("residual.3", "norm2"),
    ("residual.6", "conv2"),
    ("shortcut", "conv_shortcut"),
    ("resample.1", "resample.1"),
    ("time_conv", "time_conv"),
    ("norm", "norm"),
    ("to_qkv", "to_qkv"),
    ("proj", "proj"),
];

type Pair = (&'static str, &'static str);

/// The diffusers name of an original one, in a VAE of `res_blocks` residual blocks an encoder
/// level (2 in Wan's): `decoder.upsamples.4.residual.2.weight` →
/// `decoder.up_blocks.1.resnets.0.conv1.weight`. `None` for names that are not the VAE's.
pub fn vae_diffusers_from_original(name: &str, res_blocks: usize) -> Option<String> {
    if let Some(found) = module(name, ROOT, |pair| pair) {
        return Some(found);
    }
    let (half, rest) = halves(name)?;
    let (block, rest) = if let Some((from, to)) = prefix(rest, MIDDLE, |pair| pair) {
        (to.to_owned(), &rest[from.len()..])
    } else if let Some(rest) = rest.strip_prefix("downsamples.") {
        let (at, rest) = number(rest)?;
        (format!("down_blocks.{at}."), rest)
    } else {
        let (at, rest) = number(rest.strip_prefix("upsamples.")?)?;
        // A level is `res_blocks` + 1 blocks and the step to the next.
        let (level, at) = (at / (res_blocks + 2), at % (res_blocks + 2));
        let within =
            if at > res_blocks { "upsamplers.0".to_owned() } else { format!("resnets.{at}") };
        (format!("up_blocks.{level}.{within}."), rest)
    };
    Some(format!("{half}{block}{}", module(rest, BLOCK, |pair| pair)?))
}

/// The original name of a diffusers one; the inverse of [`vae_diffusers_from_original`].
pub fn vae_original_from_diffusers(name: &str, res_blocks: usize) -> Option<String> {
    let swap = |(original, diffusers): Pair| (diffusers, original);
    if let Some(found) = module(name, ROOT, swap) {
        return Some(found);
    }
    let (half, rest) = halves(name)?;
    let (block, rest) = if let Some((from, to)) = prefix(rest, MIDDLE, swap) {
        (to.to_owned(), &rest[from.len()..])
    } else if let Some(rest) = rest.strip_prefix("down_blocks.") {
        let (at, rest) = number(rest)?;
        (format!("downsamples.{at}."), rest)
    } else {
        let (level, rest) = number(rest.strip_prefix("up_blocks.")?)?;
        let (at, rest) = match rest.strip_prefix("upsamplers.0.") {
            Some(rest) => (res_blocks + 1, rest),
            None => number(rest.strip_prefix("resnets.")?)?,
        };
        (format!("upsamples.{}.", level * (res_blocks + 2) + at), rest)
    };
    Some(format!("{half}{block}{}", module(rest, BLOCK, swap)?))
}

/// `encoder.…` or `decoder.…` in two.
fn halves(name: &str) -> Option<(&str, &str)> {
    const LENGTH: usize = "encoder.".len();
    let known = name.starts_with("encoder.") || name.starts_with("decoder.");
    known.then(|| name.split_at(LENGTH))
}

/// `4.rest` → (4, `rest`).
fn number(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// The pair whose first part `name` begins with.
fn prefix(name: &str, table: &[Pair], direction: impl Fn(Pair) -> Pair) -> Option<Pair> {
    table.iter().copied().map(direction).find(|(from, _)| name.starts_with(from))
}

/// A module's name translated, with `.weight` or whatever follows kept.
fn module(name: &str, table: &[Pair], direction: impl Fn(Pair) -> Pair) -> Option<String> {
    table.iter().copied().map(direction).find_map(|(from, to)| {
        let rest = name.strip_prefix(from)?;
        rest.starts_with('.').then(|| format!("{to}{rest}"))
    })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::{vae_diffusers_from_original, vae_original_from_diffusers};
    use crate::params::{Param, Params};
    use crate::vae::{VaeConfig, WanVae};

    #[test]
    fn every_parameter_has_a_name_of_its_own_and_comes_back() {
        for res_blocks in [1, 2] {
            let config = VaeConfig {
                base_dim: 2,
                z_dim: 1,
                res_blocks,
                mean: vec![0.0],
                std: vec![1.0],
                ..VaeConfig::wan2_1()
            };
            let mut params = Params::frozen(&Device::Cpu);
            WanVae::new(&config, &mut params, 1).unwrap();
            let mut seen = std::collections::BTreeSet::new();
            for name in params.iter().map(Param::name) {
                let diffusers = vae_diffusers_from_original(name, res_blocks).unwrap();
                let back = vae_original_from_diffusers(&diffusers, res_blocks);
                assert_eq!(back.as_deref(), Some(name));
                assert!(seen.insert(diffusers));
            }
        }
    }

    #[test]
    fn foreign_names_have_none() {
        for name in ["blocks.0.ffn.0.weight", "encoder.middle.3.norm.gamma", "conv3.weight", ""] {
            assert_eq!(vae_diffusers_from_original(name, 2), None, "{name}");
            assert_eq!(vae_original_from_diffusers(name, 2), None, "{name}");
        }
    }
}
