//! HunyuanCustom's transformer, which ffrun runs the conditioning of on Wan's blocks and has no
//! other use for; here it lets the placing of its reference be compared.

use candle_core::{D, DType, Device, Tensor};
use ffrun_models::ops;
use ffrun_models::sinusoid::Sinusoid;
use ffrun_models::wan::{Grid, Rotary, RotaryAxes};

use super::Result;
use super::foreign_weights::{ForeignWeights, chunks, gated, modulated};

/// Epsilon of all its norms.
const EPS: f32 = 1e-6;
/// Features of its timesteps.
const FREQUENCIES: usize = 256;

/// The network with its weights by the names of its own code.
pub(super) struct MmDit {
    pub(super) weights: ForeignWeights,
    pub(super) heads: usize,
    pub(super) double_blocks: usize,
    pub(super) single_blocks: usize,
    pub(super) refiner_blocks: usize,
    pub(super) patch: [usize; 3],
    pub(super) axes: RotaryAxes,
}

/// What a pass is told.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    /// Text rows, `[1, Lt, Dt]`, of which the first `length` are meant.
    pub(super) text: &'a Tensor,
    pub(super) length: usize,
    /// The pooled text, `[1, Dp]`.
    pub(super) pooled: &'a Tensor,
    /// The reference's latent, `[1, C, 1, H, W]`.
    pub(super) reference: &'a Tensor,
}

/// Tokens of reference and video, and of the text.
struct Streams {
    image: Tensor,
    text: Tensor,
}

/// What attention needs to know of the tokens.
struct Layout {
    rotary: Rotary,
    /// Tokens of reference and video.
    image: usize,
    /// Those, and the text rows that are meant.
    meant: usize,
}

/// Called with intermediate results by the names of the cases.
type Observe<'a> = &'a mut dyn FnMut(String, &Tensor);

impl MmDit {
    /// # Shapes
    /// - latent, output: `[1, C, F, H, W]`
    pub(super) fn forward(
        &self,
        (latent, timestep): (&Tensor, f64),
        telling: Telling,
        observe: Observe,
    ) -> Result<Tensor> {
        let reference = self.patches(telling.reference)?;
        let image = Tensor::cat(&[&reference, &self.patches(latent)?], 1)?;
        let layout = self.layout(latent, &image, telling.length)?;
        let pooled = ops::silu(&self.weights.linear("vector_in.in_layer", telling.pooled)?)?;
        let vector = (self.time("time_in", timestep)?
            + self.weights.linear("vector_in.out_layer", &pooled)?)?;
        let text = self.refined(telling, timestep)?;
        observe("mid.txt_in".into(), &text);
        let mut x = Streams { image, text };
        for at in 0..self.double_blocks {
            x = self.double(&format!("double_blocks.{at}"), &x, (&vector, &layout))?;
            observe(format!("mid.double{at}.img"), &x.image);
            observe(format!("mid.double{at}.txt"), &x.text);
        }
        let mut x = Tensor::cat(&[x.image, x.text], 1)?;
        for at in 0..self.single_blocks {
            x = self.single(&format!("single_blocks.{at}"), &x, (&vector, &layout))?;
            observe(format!("mid.single{at}"), &x);
        }
        // The reference goes before the last layer.
        let first = reference.dim(1)?;
        let video = x.narrow(1, first, layout.image - first)?.contiguous()?;
        self.head(&video, &vector, latent)
    }

    fn head(&self, x: &Tensor, vector: &Tensor, latent: &Tensor) -> Result<Tensor> {
        let rows = self.weights.linear("final_layer.adaLN_modulation.1", &ops::silu(vector)?)?;
        let [shift, scale] = chunks::<2>(&rows)?;
        let out =
            self.weights.linear("final_layer.linear", &modulated(&norm(x)?, &shift, &scale)?)?;
        let [t, h, w] = self.grid(latent)?;
        let [pt, ph, pw] = self.patch;
        let channels = out.dim(D::Minus1)? / (pt * ph * pw);
        // Patches have the channel slowest, unlike Wan's.
        let out = out.reshape(vec![1, t, h, w, channels, pt, ph, pw])?;
        Ok(out.permute(vec![0, 4, 1, 5, 2, 6, 3, 7])?.reshape(latent.shape())?)
    }

    fn grid(&self, latent: &Tensor) -> Result<[usize; 3]> {
        let (_, _, f, h, w) = latent.dims5()?;
        let [pt, ph, pw] = self.patch;
        Ok([f / pt, h / ph, w / pw])
    }

    fn patches(&self, latent: &Tensor) -> Result<Tensor> {
        let (b, c, ..) = latent.dims5()?;
        let ([t, h, w], [pt, ph, pw]) = (self.grid(latent)?, self.patch);
        let cut = latent
            .reshape(vec![b, c, t, pt, h, ph, w, pw])?
            .permute(vec![0, 2, 4, 6, 1, 3, 5, 7])?
            .reshape((b, t * h * w, c * pt * ph * pw))?;
        self.weights.linear("img_in.proj", &cut)
    }

    /// The reference at time −1, a video's width beside it, and the video.
    fn layout(&self, latent: &Tensor, image: &Tensor, length: usize) -> Result<Layout> {
        let [t, h, w] = self.grid(latent)?;
        let beside = Grid { size: [1, h, w], origin: [-1, 0, w as i64] };
        let grids = [beside, Grid::at_origin([t, h, w])];
        let rotary = Rotary::with_axes(&grids, &self.axes, &Device::Cpu)?;
        let image = image.dim(1)?;
        Ok(Layout { rotary, image, meant: image + length })
    }

    fn time(&self, name: &str, timestep: f64) -> Result<Tensor> {
        let sinusoid = Sinusoid { dim: FREQUENCIES, cos_first: true, shift: 0.0, scale: 1.0 };
        let features = Tensor::new(sinusoid.embed(timestep), &Device::Cpu)?.unsqueeze(0)?;
        let hidden = self.weights.linear(&format!("{name}.mlp.0"), &features)?;
        self.weights.linear(&format!("{name}.mlp.2"), &ops::silu(&hidden)?)
    }

    /// The text after its refiner, in which padding sees the first row alone.
    fn refined(&self, telling: Telling, timestep: f64) -> Result<Tensor> {
        let Telling { text, length, .. } = telling;
        let mean = text.narrow(1, 0, length)?.mean(1)?;
        let hidden = ops::silu(&self.weights.linear("txt_in.c_embedder.linear_1", &mean)?)?;
        let context = (self.time("txt_in.t_embedder", timestep)?
            + self.weights.linear("txt_in.c_embedder.linear_2", &hidden)?)?;
        let mut x = self.weights.linear("txt_in.input_embedder", text)?;
        for at in 0..self.refiner_blocks {
            let part = |part: &str| format!("txt_in.individual_token_refiner.blocks.{at}.{part}");
            let rows = self.weights.linear(&part("adaLN_modulation.1"), &ops::silu(&context)?)?;
            let [gate, mlp_gate] = chunks::<2>(&rows)?;
            let hidden = self.weights.layer_norm(&part("norm1"), &x, EPS)?;
            let [q, k, v] =
                self.heads_of(&self.weights.linear(&part("self_attn_qkv"), &hidden)?)?;
            let meant = |x: &Tensor| x.narrow(1, 0, length)?.contiguous();
            let read = ops::attention_blhd(&meant(&q)?, &meant(&k)?, &meant(&v)?)?;
            let (b, l, heads, width) = q.dims4()?;
            let first = v.narrow(1, 0, 1)?.broadcast_as((b, l - length, heads, width))?;
            let read = Tensor::cat(&[read, first.contiguous()?], 1)?.flatten_from(2)?;
            x = gated(&x, &self.weights.linear(&part("self_attn_proj"), &read)?, &gate)?;
            let hidden = self.weights.layer_norm(&part("norm2"), &x, EPS)?;
            let hidden = ops::silu(&self.weights.linear(&part("mlp.fc1"), &hidden)?)?;
            x = gated(&x, &self.weights.linear(&part("mlp.fc2"), &hidden)?, &mlp_gate)?;
        }
        Ok(x)
    }

    fn double(
        &self,
        name: &str,
        x: &Streams,
        (vector, layout): (&Tensor, &Layout),
    ) -> Result<Streams> {
        let (image, image_rows) = self.entering(&format!("{name}.img"), &x.image, vector)?;
        let (text, text_rows) = self.entering(&format!("{name}.txt"), &x.text, vector)?;
        let read = attention([&image, &text], layout)?;
        let split = |start: usize, tokens: usize| read.narrow(1, start, tokens)?.contiguous();
        let texts = x.text.dim(1)?;
        let (for_image, for_text) = (split(0, layout.image)?, split(layout.image, texts)?);
        Ok(Streams {
            image: self.leaving(&format!("{name}.img"), &x.image, (&for_image, &image_rows))?,
            text: self.leaving(&format!("{name}.txt"), &x.text, (&for_text, &text_rows))?,
        })
    }

    /// Queries, keys and values of one stream of a double block, and its rows of modulation.
    fn entering(
        &self,
        name: &str,
        x: &Tensor,
        vector: &Tensor,
    ) -> Result<([Tensor; 3], [Tensor; 6])> {
        let rows = self.weights.linear(&format!("{name}_mod.linear"), &ops::silu(vector)?)?;
        let rows = chunks::<6>(&rows)?;
        let hidden = modulated(&norm(x)?, &rows[0], &rows[1])?;
        let heads = self.heads_of(&self.weights.linear(&format!("{name}_attn_qkv"), &hidden)?)?;
        Ok((self.normed(&format!("{name}_attn_"), heads)?, rows))
    }

    fn leaving(
        &self,
        name: &str,
        x: &Tensor,
        (read, [_, _, gate, shift, scale, mlp_gate]): (&Tensor, &[Tensor; 6]),
    ) -> Result<Tensor> {
        let x = gated(x, &self.weights.linear(&format!("{name}_attn_proj"), read)?, gate)?;
        let hidden = modulated(&norm(&x)?, shift, scale)?;
        let hidden = ops::gelu(&self.weights.linear(&format!("{name}_mlp.fc1"), &hidden)?)?;
        gated(&x, &self.weights.linear(&format!("{name}_mlp.fc2"), &hidden)?, mlp_gate)
    }

    fn single(
        &self,
        name: &str,
        x: &Tensor,
        (vector, layout): (&Tensor, &Layout),
    ) -> Result<Tensor> {
        let rows =
            self.weights.linear(&format!("{name}.modulation.linear"), &ops::silu(vector)?)?;
        let [shift, scale, gate] = chunks::<3>(&rows)?;
        let hidden = modulated(&norm(x)?, &shift, &scale)?;
        let both = self.weights.linear(&format!("{name}.linear1"), &hidden)?;
        let attended = 3 * x.dim(D::Minus1)?;
        let part = |start: usize, width: usize| both.narrow(D::Minus1, start, width)?.contiguous();
        let heads = self.heads_of(&part(0, attended)?)?;
        let [q, k, v] = self.normed(&format!("{name}."), heads)?;
        let cut =
            |x: &Tensor, start: usize, tokens: usize| x.narrow(1, start, tokens)?.contiguous();
        let texts = x.dim(1)? - layout.image;
        let stream = |start: usize, tokens: usize| -> Result<[Tensor; 3]> {
            Ok([cut(&q, start, tokens)?, cut(&k, start, tokens)?, cut(&v, start, tokens)?])
        };
        let (image, text) = (stream(0, layout.image)?, stream(layout.image, texts)?);
        let read = attention([&image, &text], layout)?;
        let mlp = ops::gelu(&part(attended, both.dim(D::Minus1)? - attended)?)?;
        let joined = Tensor::cat(&[read, mlp], 2)?;
        gated(x, &self.weights.linear(&format!("{name}.linear2"), &joined)?, &gate)
    }

    /// `[1, L, 3·D]` → queries, keys and values `[1, L, H, Dh]`.
    fn heads_of(&self, x: &Tensor) -> Result<[Tensor; 3]> {
        let (b, l, width) = x.dims3()?;
        let [q, k, v] = chunks::<3>(x)?;
        let split = |x: Tensor| x.reshape((b, l, self.heads, width / 3 / self.heads));
        Ok([split(q)?, split(k)?, split(v)?])
    }

    /// Queries and keys normalised head by head.
    fn normed(&self, prefix: &str, [q, k, v]: [Tensor; 3]) -> Result<[Tensor; 3]> {
        let norm = |name: &str, x: &Tensor| -> Result<Tensor> {
            Ok(ops::rms_norm(x, &self.weights.get(&format!("{prefix}{name}.weight"))?, EPS)?)
        };
        Ok([norm("q_norm", &q)?, norm("k_norm", &k)?, v])
    }
}

/// Attention among all tokens that are meant, and of padding among itself; the image's turn.
///
/// # Shapes
/// - output: `[1, L, D]`, the image's tokens first
fn attention([image, text]: [&[Tensor; 3]; 2], layout: &Layout) -> Result<Tensor> {
    let Layout { rotary: Rotary { cos, sin }, meant, .. } = layout;
    let turned = |at: usize| -> Result<Tensor> {
        Ok(Tensor::cat(&[&ops::rope(&image[at], cos, sin)?, &text[at]], 1)?)
    };
    let (q, k) = (turned(0)?, turned(1)?);
    let v = Tensor::cat(&[&image[2], &text[2]], 1)?;
    let among = |start: usize, tokens: usize| -> Result<Tensor> {
        let part = |x: &Tensor| x.narrow(1, start, tokens)?.contiguous();
        Ok(ops::attention_blhd(&part(&q)?, &part(&k)?, &part(&v)?)?)
    };
    let padding = q.dim(1)? - meant;
    Ok(Tensor::cat(&[among(0, *meant)?, among(*meant, padding)?], 1)?.flatten_from(2)?)
}

/// A norm over tokens without weights.
fn norm(x: &Tensor) -> Result<Tensor> {
    let ones = Tensor::ones(x.dim(D::Minus1)?, DType::F32, &Device::Cpu)?;
    Ok(ops::layer_norm(x, &ones, &ones.zeros_like()?, EPS)?)
}
