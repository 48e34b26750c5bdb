//! CogVideoX as far as the cases of ConsisID need it around the face modules. ffrun runs those on
//! Wan's blocks and has no use for this network; here it lets their gradients be compared.

use candle_core::{D, Tensor};
use ffrun_models::ops;
use ffrun_models::sinusoid::Sinusoid;
use ffrun_models::wan::{AfterBlock, Grid, Rotary, RotaryAxes};

use super::Result;
use super::foreign_weights::{ForeignWeights, chunks, gated, modulated};

/// Epsilon of its norms over tokens, torch's default.
const EPS: f32 = 1e-5;
/// Epsilon of its norms over a head.
const HEAD_EPS: f32 = 1e-6;

/// The backbone with its weights by the names of diffusers.
pub(super) struct CogVideoX {
    pub(super) weights: ForeignWeights,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
    pub(super) layers: usize,
    pub(super) patch: usize,
}

/// Text and video tokens, `[B, Lt, D]` and `[B, L, D]`.
struct Streams {
    text: Tensor,
    video: Tensor,
}

/// Called with intermediate results by the names of the cases.
type Observe<'a> = &'a mut dyn FnMut(String, &Tensor);

impl CogVideoX {
    /// # Shapes
    /// - latent: `[B, F, C, H, W]`; text: `[B, Lt, Dt]`
    /// - output: `[B, F, Cout, H, W]`
    pub(super) fn forward(
        &self,
        (latent, text, timestep): (&Tensor, &Tensor, f64),
        after_block: &dyn AfterBlock,
        observe: Observe,
    ) -> Result<Tensor> {
        let (b, f, _, h, w) = latent.dims5()?;
        let (rows, columns) = (h / self.patch, w / self.patch);
        let time = self.time(timestep)?;
        let rotary = self.rotary([f, rows, columns])?;
        let mut x = Streams {
            text: self.weights.linear("patch_embed.text_proj", text)?,
            video: self.patches(latent)?,
        };
        for at in 0..self.layers {
            x = self.block(&format!("transformer_blocks.{at}"), &x, (&time, &rotary))?;
            observe(format!("mid.block{at}.video"), &x.video);
            observe(format!("mid.block{at}.text"), &x.text);
            if let Some(part) = after_block.part(at, &x.video)? {
                x.video = (x.video + part)?;
            }
        }
        let video = self.weights.layer_norm("norm_final", &x.video, EPS)?;
        let rows_of_time = self.weights.linear("norm_out.linear", &ops::silu(&time)?)?;
        let [shift, scale] = chunks::<2>(&rows_of_time)?;
        let video =
            modulated(&self.weights.layer_norm("norm_out.norm", &video, EPS)?, &shift, &scale)?;
        let out = self.weights.linear("proj_out", &video)?;
        // Patches have the channel slowest.
        let channels = out.dim(D::Minus1)? / (self.patch * self.patch);
        let sides = vec![b, f, rows, columns, channels, self.patch, self.patch];
        let out = out.reshape(sides)?;
        Ok(out.permute(vec![0, 1, 4, 2, 5, 3, 6])?.reshape((b, f, channels, h, w))?)
    }

    /// Rotations of the video's tokens: a quarter of a head turns with time, the rest with height
    /// and width.
    pub(super) fn rotary(&self, size: [usize; 3]) -> Result<Rotary> {
        let (time, plane) = (self.head_dim / 4, self.head_dim / 8 * 3);
        let axes = RotaryAxes { pairs: [time / 2, plane / 2, plane / 2], theta: 10_000.0 };
        let device = candle_core::Device::Cpu;
        Ok(Rotary::with_axes(&[Grid::at_origin(size)], &axes, &device)?)
    }

    fn time(&self, timestep: f64) -> Result<Tensor> {
        let dim = self.heads * self.head_dim;
        let sinusoid = Sinusoid { dim, cos_first: true, shift: 0.0, scale: 1.0 };
        let features = Tensor::new(sinusoid.embed(timestep), &candle_core::Device::Cpu)?;
        let hidden = self.weights.linear("time_embedding.linear_1", &features.unsqueeze(0)?)?;
        self.weights.linear("time_embedding.linear_2", &ops::silu(&hidden)?)
    }

    fn patches(&self, latent: &Tensor) -> Result<Tensor> {
        let (b, f, c, h, w) = latent.dims5()?;
        let p = self.patch;
        let cut = latent
            .reshape(vec![b, f, c, h / p, p, w / p, p])?
            .permute(vec![0, 1, 3, 5, 2, 4, 6])?
            .reshape((b, f * (h / p) * (w / p), c * p * p))?;
        self.weights.linear("patch_embed.proj", &cut)
    }

    fn block(
        &self,
        name: &str,
        x: &Streams,
        (time, rotary): (&Tensor, &Rotary),
    ) -> Result<Streams> {
        let (normed, gates) = self.norm_zero(&format!("{name}.norm1"), x, time)?;
        let attended = self.attention(&format!("{name}.attn1"), &normed, rotary)?;
        let x = both_gated(x, &attended, &gates)?;
        let (normed, gates) = self.norm_zero(&format!("{name}.norm2"), &x, time)?;
        let feed = |x: &Tensor| -> Result<Tensor> {
            let hidden = ops::gelu(&self.weights.linear(&format!("{name}.ff.net.0.proj"), x)?)?;
            self.weights.linear(&format!("{name}.ff.net.2"), &hidden)
        };
        let fed = Streams { text: feed(&normed.text)?, video: feed(&normed.video)? };
        both_gated(&x, &fed, &gates)
    }

    /// Both streams normalised alike and modulated each by its own rows, and their gates.
    fn norm_zero(&self, name: &str, x: &Streams, time: &Tensor) -> Result<(Streams, Streams)> {
        let rows = self.weights.linear(&format!("{name}.linear"), &ops::silu(time)?)?;
        let [shift, scale, gate, text_shift, text_scale, text_gate] = chunks::<6>(&rows)?;
        let norm = |x: &Tensor| self.weights.layer_norm(&format!("{name}.norm"), x, EPS);
        let video = modulated(&norm(&x.video)?, &shift, &scale)?;
        let text = modulated(&norm(&x.text)?, &text_shift, &text_scale)?;
        Ok((Streams { text, video }, Streams { text: text_gate, video: gate }))
    }

    /// Attention among all tokens, the text's first; the video's turn.
    fn attention(&self, name: &str, x: &Streams, rotary: &Rotary) -> Result<Streams> {
        let heads = |part: &str, x: &Tensor| -> Result<Tensor> {
            let (b, l, _) = x.dims3()?;
            let y = self.weights.linear(&format!("{name}.{part}"), x)?;
            Ok(ops::reshape(&y, (b, l, self.heads, self.head_dim))?)
        };
        let turned = |part: &str, norm: &str| -> Result<Tensor> {
            let norm = format!("{name}.{norm}");
            let text = self.weights.layer_norm(&norm, &heads(part, &x.text)?, HEAD_EPS)?;
            let video = self.weights.layer_norm(&norm, &heads(part, &x.video)?, HEAD_EPS)?;
            Ok(Tensor::cat(&[text, ops::rope(&video, &rotary.cos, &rotary.sin)?], 1)?)
        };
        let value = Tensor::cat(&[heads("to_v", &x.text)?, heads("to_v", &x.video)?], 1)?;
        let read =
            ops::attention_blhd(&turned("to_q", "norm_q")?, &turned("to_k", "norm_k")?, &value)?;
        let out = self.weights.linear(&format!("{name}.to_out.0"), &read.flatten_from(2)?)?;
        let texts = x.text.dim(1)?;
        let video = out.narrow(1, texts, x.video.dim(1)?)?.contiguous()?;
        Ok(Streams { text: out.narrow(1, 0, texts)?.contiguous()?, video })
    }
}

fn both_gated(x: &Streams, part: &Streams, gates: &Streams) -> Result<Streams> {
    let video = gated(&x.video, &part.video, &gates.video)?;
    Ok(Streams { text: gated(&x.text, &part.text, &gates.text)?, video })
}
