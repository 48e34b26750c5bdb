//! CLIP's reader of texts.

use candle_core::{DType, Result, Tensor, bail};

use super::config::ClipConfig;
use super::layers::{EPS, Encoder, table};
use crate::error::ModelResult;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::params::Params;

/// A causal transformer over tokens; the state of the first end stands for the text.
#[derive(Clone, Debug)]
pub struct TextTower {
    tokens: Tensor,
    positions: Tensor,
    encoder: Encoder,
    norm: LayerNorm,
    projection: Linear,
    end_of_text: u32,
}

impl TextTower {
    pub(super) fn new(params: &mut Params, config: &ClipConfig, seed: u64) -> ModelResult<Self> {
        let width = config.text.width;
        let embedding = |part: &str| format!("text_model.embeddings.{part}_embedding.weight");
        let tokens = table(params, &embedding("token"), (config.vocabulary, width), seed)?;
        let positions = table(params, &embedding("position"), (config.positions, width), seed)?;
        let encoder = Encoder::new(params, "text_model.encoder", config.text, seed)?;
        let norm = LayerNorm::with_eps(params, "text_model.final_layer_norm", width, EPS)?;
        let sizes = (width, config.projection);
        let projection = Linear::without_bias(params, "text_projection", sizes, seed)?;
        Ok(Self { tokens, positions, encoder, norm, projection, end_of_text: config.end_of_text })
    }

    /// The state of every token, normalised. Tokens see those before them; nothing sees the
    /// filling behind the first end.
    ///
    /// # Shapes
    /// - ids: `[B, L]`, integers, L at most the longest text
    /// - output: `[B, L, D]`
    ///
    /// # Errors
    /// When a text is too long or has no end.
    pub fn states(&self, ids: &Tensor) -> Result<Tensor> {
        let (b, l) = ids.dims2()?;
        let (longest, width) = self.positions.dims2()?;
        if l > longest {
            bail!("a text of {l} tokens; this CLIP reads at most {longest}")
        }
        let mask = mask(&self.ends(ids)?, l);
        let mask = Tensor::from_vec(mask, (b, 1, l, l), ids.device())?;
        let ids = ids.to_dtype(DType::U32)?.flatten_all()?;
        let x = self.tokens.index_select(&ids, 0)?.reshape((b, l, width))?;
        let x = x.broadcast_add(&self.positions.narrow(0, 0, l)?)?;
        self.norm.forward(&self.encoder.forward(&x, Some(&mask))?)
    }

    /// The texts in the common space, not normalised, from [`TextTower::states`].
    ///
    /// # Shapes
    /// - ids: `[B, L]`
    /// - states: `[B, L, D]`
    /// - output: `[B, P]`
    ///
    /// # Errors
    /// When a text has no end.
    pub fn pooled(&self, ids: &Tensor, states: &Tensor) -> Result<Tensor> {
        let (b, l, d) = states.dims3()?;
        let ends = self.ends(ids)?.into_iter().enumerate();
        let ends: Vec<u32> = ends.map(|(row, end)| (row * l + end) as u32).collect();
        let ends = Tensor::from_vec(ends, b, states.device())?;
        self.projection.forward(&states.reshape((b * l, d))?.index_select(&ends, 0)?)
    }

    /// Where each text ends.
    fn ends(&self, ids: &Tensor) -> Result<Vec<usize>> {
        let mut ends = vec![];
        for (row, ids) in ids.to_dtype(DType::U32)?.to_vec2::<u32>()?.iter().enumerate() {
            let Some(end) = ids.iter().position(|&id| id == self.end_of_text) else {
                bail!("text {row} has no token {}, which ends a text", self.end_of_text)
            };
            ends.push(end);
        }
        Ok(ends)
    }
}

/// −∞ where the key comes after the query or after the end of its text, else 0: `[B, L, L]`.
fn mask(ends: &[usize], l: usize) -> Vec<f32> {
    let value = |end: usize, query: usize, key: usize| {
        if key > query || key > end { f32::NEG_INFINITY } else { 0.0 }
    };
    let of_text = |&end: &usize| (0..l * l).map(move |at| value(end, at / l, at % l));
    ends.iter().flat_map(of_text).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::eval::clip::{Clip, ClipConfig, TowerConfig};
    use crate::params::Params;

    #[test]
    fn filling_changes_nothing_and_a_text_needs_its_end() {
        let tower = TowerConfig { width: 8, hidden: 16, depth: 2, heads: 2 };
        let config = ClipConfig {
            text: tower,
            vocabulary: 10,
            positions: 6,
            end_of_text: 9,
            vision: tower,
            image_px: 8,
            patch_px: 4,
            projection: 8,
        };
        let mut params = Params::frozen(&Device::Cpu);
        let clip = Clip::new(&mut params, &config, 1).unwrap();
        let embed = |ids: &[u32]| {
            let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
            let found = clip.embed_texts(&ids)?.tensor().flatten_all()?.to_vec1::<f32>()?;
            Ok::<_, candle_core::Error>(found)
        };
        let (short, filled) = (embed(&[1, 2, 9]).unwrap(), embed(&[1, 2, 9, 9, 9]).unwrap());
        assert!(short.iter().zip(&filled).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!((embed(&[2, 1, 9]).unwrap()[0] - short[0]).abs() > 1e-4);
        let text = |error: candle_core::Error| {
            error.to_string().lines().next().unwrap_or_default().to_owned()
        };
        let endless = text(embed(&[1, 2]).unwrap_err());
        assert_eq!(endless, "text 0 has no token 9, which ends a text");
        let long = text(embed(&[1, 1, 1, 1, 1, 1, 9]).unwrap_err());
        assert_eq!(long, "a text of 7 tokens; this CLIP reads at most 6");
        let error = Clip::new(&mut params, &ClipConfig { patch_px: 3, ..config }, 1).unwrap_err();
        assert_eq!(error.to_string(), "`patch_px` is 3, but must divide 8");
    }
}
