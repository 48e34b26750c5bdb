//! The Wan transformer: latent, timestep and text in, velocity out.

use candle_core::{Result, Tensor, bail};

use super::attention::Context;
use super::block::{Block, Observer};
use super::config::WanConfig;
use super::declare::Declare;
use super::embed::{ImageEmbedding, PatchEmbedding, TextEmbedding, TimeEmbedding, token_grid};
use super::head::Head;
use super::rotary::{Grid, Rotary};
use super::span::{Modulation, Span};
use super::vace::{Hints, Vace, VaceInput};
use crate::error::ModelResult;
use crate::params::Params;

/// Wan2.1's diffusion transformer with its optional VACE and image branches.
///
/// Parameters carry the original's names (METHOD §1.2), so that public checkpoints load by name.
/// candle walks the graph of a forward pass recursively: run training on a thread with a stack of
/// 256 MB or more.
#[derive(Clone, Debug)]
pub struct Wan {
    config: WanConfig,
    patch_embedding: PatchEmbedding,
    text: TextEmbedding,
    time: TimeEmbedding,
    image: Option<ImageEmbedding>,
    blocks: Vec<Block>,
    vace: Option<Vace>,
    head: Head,
}

/// One batch for [`Wan::forward`]. [`WanInput::new`] makes one of the three parts every network
/// needs; the others are public fields.
#[derive(Clone, Copy)]
pub struct WanInput<'a> {
    /// The noisy latent `[B, C, F, H, W]`.
    pub latent: &'a Tensor,
    /// t in [0, 1000], fractions allowed: `[B]`, or `[B, L]` for one per token.
    pub timestep: &'a Tensor,
    /// The text encoder's rows `[B, Lt, text_dim]`, padding zeroed.
    pub text: &'a Tensor,
    /// The VACE branch's input; without one the branch is left out.
    pub vace: Option<VaceInput<'a>>,
    /// The image encoder's tokens `[B, Li, image.dim]`.
    pub image: Option<&'a Tensor>,
    /// Shown intermediate results under the names of the modules that give them
    /// (`blocks.0.self_attn`).
    pub observer: Option<Observer<'a>>,
}

impl<'a> WanInput<'a> {
    /// A batch of latents, timesteps and text alone.
    pub fn new(latent: &'a Tensor, timestep: &'a Tensor, text: &'a Tensor) -> Self {
        Self { latent, timestep, text, vace: None, image: None, observer: None }
    }

    fn show(&self, name: &str, value: &Tensor) {
        if let Some(observe) = self.observer {
            observe(name, value);
        }
    }
}

impl Wan {
    /// Declares all parameters in `params`, with initial values from `seed` (METHOD §1.2): the
    /// head and both ends of the VACE branch are zero.
    ///
    /// # Errors
    /// When the sizes do not fit together, or a name is taken.
    pub fn new(config: &WanConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        config.validate()?;
        let mut declare = Declare::new(params, seed);
        let patch_embedding =
            PatchEmbedding::new(config, &mut declare, ("patch_embedding", config.in_channels))?;
        let text = TextEmbedding::new(config, &mut declare)?;
        let time = TimeEmbedding::new(config, &mut declare)?;
        let image = config
            .image
            .map(|image| ImageEmbedding::new(config, image, &mut declare))
            .transpose()?;
        let blocks = (0..config.blocks)
            .map(|at| Block::new(config, &mut declare, &format!("blocks.{at}"), image.is_some()))
            .collect::<ModelResult<_>>()?;
        let vace = config.vace.as_ref();
        let vace = vace.map(|vace| Vace::new(config, vace, &mut declare)).transpose()?;
        let head = Head::new(config, &mut declare)?;
        Ok(Self { config: config.clone(), patch_embedding, text, time, image, blocks, vace, head })
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &WanConfig {
        &self.config
    }

    /// The velocity ε − x₀ of the latent (METHOD §1.3).
    ///
    /// # Shapes
    /// - input: see [`WanInput`]
    /// - output: `[B, Cout, F, H, W]`
    ///
    /// # Errors
    /// When a shape does not fit, or an input lacks its branch or a branch its input.
    pub fn forward(&self, input: &WanInput) -> Result<Tensor> {
        let size = token_grid(input.latent, self.config.patch)?;
        let x = self.patch_embedding.forward(input.latent)?;
        input.show("patch_embedding", &x);
        let time = self.time.forward(input.timestep)?;
        input.show("time_embedding", &time.embedded);
        input.show("time_projection", &time.rows);
        let context = self.context(input)?;
        let rotary =
            Rotary::new(&[Grid::at_origin(size)], self.config.head_dim(), input.latent.device())?;
        let timestep = Modulation::rows(&time.rows)?;
        let spans = [Span { rotary, timestep, attends_to: vec![0], sees_text: true }];
        let hints = self.hints(input, (&x, &spans[0]), &context)?;
        let x = self.run_blocks(vec![x], &spans, &context, (hints, input))?;
        input.show("head.input", &x[0]);
        self.head.forward(&x[0], &time.embedded, size)
    }

    fn context(&self, input: &WanInput) -> Result<Context> {
        let text = self.text.forward(input.text)?;
        input.show("text_embedding", &text);
        let image = match (&self.image, input.image) {
            (Some(embedding), Some(tokens)) => Some(embedding.forward(tokens)?),
            (None, None) => None,
            (Some(_), None) => bail!("the network has an image branch, but got no image tokens"),
            (None, Some(_)) => bail!("got image tokens, but the network has no image branch"),
        };
        if let Some(image) = &image {
            input.show("img_emb", image);
        }
        Ok(Context { text, image })
    }

    fn hints(
        &self,
        input: &WanInput,
        video: (&Tensor, &Span),
        context: &Context,
    ) -> Result<Option<Hints<'_>>> {
        let Some(control) = input.vace else { return Ok(None) };
        let Some(vace) = &self.vace else {
            bail!("got a VACE context, but the network has no VACE branch")
        };
        Ok(Some(vace.hints(control, video, context, input.observer)?))
    }

    fn run_blocks(
        &self,
        mut xs: Vec<Tensor>,
        spans: &[Span],
        context: &Context,
        (hints, input): (Option<Hints>, &WanInput),
    ) -> Result<Vec<Tensor>> {
        for (at, block) in self.blocks.iter().enumerate() {
            xs = block.forward(&xs, spans, context, input.observer)?;
            input.show(&format!("blocks.{at}"), &xs[0]);
            if let Some(hint) = hints.as_ref().and_then(|hints| hints.after(at)) {
                xs[0] = (&xs[0] + hint)?;
            }
        }
        Ok(xs)
    }
}
