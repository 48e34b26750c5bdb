//! Goldens of CLIP: both towers, and the tokens of texts.

use candle_core::{DType, Tensor};
use ffrun_models::eval::clip::{Clip, ClipConfig, ClipTokenizer, Embeddings, TowerConfig};

use super::case::{Case, integers};
use super::check::Check;
use super::image_network::build;
use super::{Kind, Result, parameter_lengths};

/// transformers' `CLIPModel`.
pub(super) const NETWORK: Kind = Kind {
    name: "CLIP",
    recognises: |case| case.has("/config", "vision_config"),
    run: run_network,
};

/// Texts and their tokens.
pub(super) const TOKENIZER: Kind = Kind {
    name: "CLIP's tokenizer",
    recognises: |case| case.has("/inputs", "texts") && case.has("/expected", "unpadded"),
    run: run_tokenizer,
};

fn run_network(case: &Case) -> Result<Vec<Check>> {
    let config = config(case)?;
    let (clip, params) = build(case, |params| Ok(Clip::new(params, &config, 0)?))?;
    let ids = case.input("input_ids_final")?;
    let text_states = clip.text.states(&ids)?;
    let text = clip.text.pooled(&ids, &text_states)?;
    let vision_states = clip.vision.states(&case.input("pixel_values")?)?;
    let vision = clip.vision.pooled(&vision_states)?;
    let (texts, pictures) = (Embeddings::of(&text)?, Embeddings::of(&vision)?);
    let logits = clip.logits_per_image(&pictures, &texts)?;
    let mut checks = vec![];
    for name in case.outputs() {
        let value = match name {
            "logits_per_image" => &logits,
            "text_embeds" => texts.tensor(),
            "image_embeds" => pictures.tensor(),
            "text_last_hidden_state" => &text_states,
            "text_pooler" => &text,
            "vision_last_hidden_state" => &vision_states,
            "vision_pooler" => &vision,
            _ => return Err(format!("unknown output `{name}`").into()),
        };
        checks.extend(case.check(name, &value.detach())?);
    }
    checks.extend(parameter_lengths::of_probed(case, &params, &logits)?);
    Ok(checks)
}

fn config(case: &Case) -> Result<ClipConfig> {
    let number = |part: &str, key: &str| -> Result<usize> {
        Ok(case.number(&format!("/config/{part}_config/{key}"))? as usize)
    };
    let tower = |part: &str| -> Result<TowerConfig> {
        Ok(TowerConfig {
            width: number(part, "hidden_size")?,
            hidden: number(part, "intermediate_size")?,
            depth: number(part, "num_hidden_layers")?,
            heads: number(part, "num_attention_heads")?,
        })
    };
    Ok(ClipConfig {
        text: tower("text")?,
        vocabulary: number("text", "vocab_size")?,
        positions: number("text", "max_position_embeddings")?,
        end_of_text: number("text", "eos_token_id")? as u32,
        vision: tower("vision")?,
        image_px: number("vision", "image_size")?,
        patch_px: number("vision", "patch_size")?,
        projection: case.number("/config/projection_dim")? as usize,
    })
}

/// The merges are OpenAI's and 1.3 MB: whoever has them names the unpacked file in
/// `FFRUN_CLIP_MERGES`. Without it the texts that need no merge are checked.
fn run_tokenizer(case: &Case) -> Result<Vec<Check>> {
    let path = std::env::var_os("FFRUN_CLIP_MERGES");
    let merges = path.map(std::fs::read_to_string).transpose()?;
    if merges.is_none() {
        println!("{}: skipped but for single bytes: FFRUN_CLIP_MERGES is not set", case.name);
    }
    let whole = merges.is_some();
    let tokenizer = ClipTokenizer::from_merges(merges.as_deref().unwrap_or_default())?;
    let expected = &case.json["expected"];
    let mut checks = vec![];
    if whole {
        for (key, found) in [("sot", tokenizer.start()), ("eot", tokenizer.end())] {
            checks.push(Check::exact(key.to_owned(), expected[key] == found));
        }
    }
    let texts = case.list("/inputs/texts/value")?.iter().filter_map(|text| text.as_str());
    let rows = case.list("/expected/unpadded")?.iter().map(integers);
    for (row, (text, expected)) in texts.zip(rows).enumerate() {
        let tokens = tokenizer.tokens(text, usize::MAX)?;
        let mut found = tokens.ids[1..tokens.ids.len() - 1].iter().map(|&id| i64::from(id));
        if whole {
            checks.push(Check::exact(format!("text {row}"), found.eq(expected)));
        } else {
            // Without merges every byte stands alone: those that stay so with them are found again,
            // in their order.
            let agrees = expected.iter().filter(|id| **id < 512).all(|id| found.any(|x| x == *id));
            checks.push(Check::exact(format!("single bytes of text {row}"), agrees));
        }
    }
    if whole {
        checks.push(padded_rows(case, &tokenizer)?);
    }
    Ok(checks)
}

/// The stored rows of 77, which open_clip fills with zeros: compared up to the end.
fn padded_rows(case: &Case, tokenizer: &ClipTokenizer) -> Result<Check> {
    let stored: Tensor = case.stored("out.ids")?.to_dtype(DType::I64)?;
    let length = stored.dim(1)?;
    let texts = case.list("/inputs/texts/value")?.iter().filter_map(|text| text.as_str());
    let mut agree = true;
    for (text, row) in texts.zip(stored.to_vec2::<i64>()?) {
        let mut ids: Vec<i64> =
            tokenizer.tokens(text, length)?.ids.iter().map(|&id| i64::from(id)).collect();
        ids.resize(length, 0);
        agree &= ids == row;
    }
    Ok(Check::exact("rows of 77".into(), agree))
}
