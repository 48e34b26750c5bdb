//! The perceiver that turns a face vector and an image encoder's layers into tokens (ConsisID's
//! `LocalFacialExtractor`).

use candle_core::{Result, Tensor, bail};

use super::FaceSpec;
use super::attention::{EPS, FaceAttention, Sizes};
use crate::error::ModelResult;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// What is known of a face.
#[derive(Clone, Debug)]
pub struct FaceInput {
    /// The face vector, `[B, id_dim]`.
    pub id: Tensor,
    /// Layers of an image encoder, `[B, Lv, vit_dim]` each.
    pub layers: Vec<Tensor>,
}

/// Learnt queries and the face vector's tokens attend to each layer in turn.
#[derive(Clone, Debug)]
pub(super) struct Perceiver {
    latents: Tensor,
    id_mapping: Mapping,
    mappings: Vec<Mapping>,
    blocks: Vec<(FaceAttention, FeedForward)>,
    proj_out: Tensor,
    spec: FaceSpec,
}

impl Perceiver {
    pub(super) fn new(params: &mut Params, spec: FaceSpec, seed: u64) -> ModelResult<Self> {
        const NAME: &str = "local_facial_extractor";
        let part = |part: String| format!("{NAME}.{part}");
        let (d, device) = (spec.vit_dim, params.device().clone());
        let mut table = |name: &str, shape: &[usize]| {
            let name = part(name.to_owned());
            let mut stream = Stream::new(seed, &format!("init/{name}"), 0);
            let start = stream.normal_tensor(shape, 1.0 / (d as f32).sqrt(), &device)?;
            params.add(&name, &start, Group::NoDecay)
        };
        let latents = table("latents", &[1, spec.queries, d])?;
        let proj_out = table("proj_out", &[d, spec.out_dim])?;
        let sizes = Sizes {
            queries: d,
            context: d,
            heads: spec.heads,
            head_dim: spec.head_dim,
            joins_queries: true,
        };
        let mut blocks = vec![];
        for at in 0..spec.depth {
            let attention =
                FaceAttention::new(params, &part(format!("layers.{at}.0")), sizes, seed)?;
            let name = part(format!("layers.{at}.1"));
            blocks.push((attention, FeedForward::new(params, &name, (d, spec.ff_mult), seed)?));
        }
        let mut mapping = |name: String, inputs, outputs| {
            Mapping::new(params, &part(name), [inputs, d, outputs], seed)
        };
        let mappings = (0..spec.scales)
            .map(|at| mapping(format!("mapping_{at}"), d, d))
            .collect::<ModelResult<_>>()?;
        let id_mapping = mapping("id_embedding_mapping".into(), spec.id_dim, d * spec.id_tokens)?;
        Ok(Self { latents, id_mapping, mappings, blocks, proj_out, spec })
    }

    /// `watch` is shown what each attention gives, before it is added.
    ///
    /// # Shapes
    /// - output: `[B, queries, out_dim]`
    pub(super) fn forward(
        &self,
        input: &FaceInput,
        watch: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let FaceSpec { scales, depth, queries, id_tokens, vit_dim, .. } = self.spec;
        if input.layers.len() != scales {
            bail!("the face modules read {scales} layers, found {}", input.layers.len());
        }
        let b = input.id.dim(0)?;
        let id = self.id_mapping.forward(&input.id)?.reshape((b, id_tokens, vit_dim))?;
        let latents = self.latents.broadcast_as((b, queries, vit_dim))?;
        let mut x = Tensor::cat(&[&latents, &id], 1)?;
        let by_layer = self.blocks.chunks(depth / scales);
        for ((layer, mapping), blocks) in input.layers.iter().zip(&self.mappings).zip(by_layer) {
            let context = Tensor::cat(&[&id, &mapping.forward(layer)?], 1)?;
            for (attention, feed_forward) in blocks {
                let read = attention.forward(&context, &x)?;
                watch(&read);
                x = (x + read)?;
                x = (&x + feed_forward.forward(&x)?)?;
            }
        }
        x.narrow(1, 0, queries)?.contiguous()?.broadcast_matmul(&self.proj_out)
    }
}

/// Linear → norm → leaky ReLU, twice, → linear.
#[derive(Clone, Debug)]
struct Mapping {
    hidden: [(Linear, LayerNorm); 2],
    out: Linear,
}

impl Mapping {
    fn new(
        params: &mut Params,
        name: &str,
        [inputs, width, outputs]: [usize; 3],
        seed: u64,
    ) -> ModelResult<Self> {
        // Numbered as in the original's `nn.Sequential`, where activations count.
        let mut layer = |at: usize, inputs: usize| -> ModelResult<_> {
            let linear = Linear::new(params, &format!("{name}.{at}"), (inputs, width), seed)?;
            let norm = format!("{name}.{}", at + 1);
            Ok((linear, LayerNorm::with_eps(params, &norm, width, EPS)?))
        };
        let hidden = [layer(0, inputs)?, layer(3, width)?];
        Ok(Self { hidden, out: Linear::new(params, &format!("{name}.6"), (width, outputs), seed)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (linear, norm) in &self.hidden {
            x = leaky_relu(&norm.forward(&linear.forward(&x)?)?)?;
        }
        self.out.forward(&x)
    }
}

/// torch's `LeakyReLU` with its default slope.
fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    const SLOPE: f64 = 0.01;
    (x.relu()? * (1.0 - SLOPE))? + (x * SLOPE)?
}

/// Norm → linear → GELU → linear, without biases.
#[derive(Clone, Debug)]
struct FeedForward {
    norm: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl FeedForward {
    fn new(
        params: &mut Params,
        name: &str,
        (width, factor): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let hidden = width * factor;
        let norm = LayerNorm::with_eps(params, &format!("{name}.0"), width, EPS)?;
        let expand = Linear::without_bias(params, &format!("{name}.1"), (width, hidden), seed)?;
        let contract = Linear::without_bias(params, &format!("{name}.3"), (hidden, width), seed)?;
        Ok(Self { norm, expand, contract })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // torch's GELU default: the exact form.
        let hidden = self.expand.forward(&self.norm.forward(x)?)?.gelu_erf()?;
        self.contract.forward(&hidden)
    }
}
