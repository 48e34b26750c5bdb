//! The Wan transformer: latent, timestep and text in, velocity out.

use candle_core::{Result, Tensor, bail};

use super::assembly::Assembly;
use super::attention::Context;
use super::block::{Block, Branch, Observer, State};
use super::config::WanConfig;
use super::declare::Declare;
use super::embed::{ImageEmbedding, PatchEmbedding, TextEmbedding, TimeEmbedding, token_grid};
use super::head::Head;
use super::injection::{InjectionKind, SharedInput};
use super::remembered::{Remembered, RememberedText};
use super::run::Run;
use super::segment::Segment;
use super::vace::{Hints, Vace, VaceInput};
use crate::error::ModelResult;
use crate::lora::Lora;
use crate::ops;
use crate::params::Params;

/// Wan2.1's diffusion transformer with its optional VACE and image branches.
///
/// Parameters carry the original's names (METHOD §1.2), so that public checkpoints load by name.
/// candle walks the graph of a forward pass recursively: run training on a thread with a stack of
/// 256 MB or more.
#[derive(Clone, Debug)]
pub struct Wan {
    config: WanConfig,
    pub(super) patch_embedding: PatchEmbedding,
    text: TextEmbedding,
    pub(super) time: TimeEmbedding,
    image: Option<ImageEmbedding>,
    pub(super) blocks: Vec<Block>,
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
    /// The aligner's S.
    pub shared: Option<SharedInput<'a>>,
    /// Adapters on everything but the segments, which bring their own.
    pub lora: Option<&'a Lora>,
    /// Channels behind those of the latent, `[B, Cc, F, H, W]`: the condition of image-to-video.
    pub channels: Option<&'a Tensor>,
    /// Tokens beside the video's.
    pub segments: &'a [Segment<'a>],
    /// Segments of which only keys and values are left, beside the others.
    pub remembered: &'a [Remembered],
    /// Keys and values of this very text and image, from [`Wan::remember_text`].
    pub remembered_text: Option<&'a RememberedText>,
    /// What is added to the video's tokens behind blocks.
    pub after_blocks: Option<&'a dyn AfterBlock>,
    /// Keeps only the tokens between blocks for the backward pass, which then runs every block
    /// again: much less memory for about a third more time.
    pub recompute: bool,
    /// Shown intermediate results under the names of the modules that give them
    /// (`blocks.0.self_attn`); those inside recomputed blocks are not shown.
    pub observer: Option<Observer<'a>>,
}

/// Something beside the transformer that reads the video's tokens between blocks.
pub trait AfterBlock {
    /// What is added to the video's tokens after block `at`, `None` where nothing is.
    ///
    /// # Shapes
    /// - x, output: `[B, L, D]`
    ///
    /// # Errors
    /// When a shape does not fit.
    fn part(&self, at: usize, x: &Tensor) -> Result<Option<Tensor>>;
}

impl<'a> WanInput<'a> {
    /// A batch of latents, timesteps and text alone.
    pub fn new(latent: &'a Tensor, timestep: &'a Tensor, text: &'a Tensor) -> Self {
        Self {
            latent,
            timestep,
            text,
            vace: None,
            image: None,
            shared: None,
            lora: None,
            channels: None,
            segments: &[],
            remembered: &[],
            remembered_text: None,
            after_blocks: None,
            recompute: false,
            observer: None,
        }
    }

    pub(super) fn run(&self) -> Run<'a> {
        Run { observer: self.observer, recompute: self.recompute }
    }
}

impl Wan {
    /// Declares all parameters in `params`, with initial values from `seed` (METHOD §1.2): the
    /// head and both ends of the VACE branch are zero.
    ///
    /// # Errors
    /// When the sizes do not fit together, or a name is taken.
    pub fn new(config: &WanConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        Self::declared(config, Declare::new(params, Some(seed)))
    }

    /// As [`Wan::new`], but without drawing initial values: for weights to be loaded into `params`.
    ///
    /// # Errors
    /// As [`Wan::new`].
    pub fn blank(config: &WanConfig, params: &mut Params) -> ModelResult<Self> {
        Self::declared(config, Declare::new(params, None))
    }

    fn declared(config: &WanConfig, mut declare: Declare) -> ModelResult<Self> {
        config.validate()?;
        let patch_embedding =
            PatchEmbedding::new(config, &mut declare, ("patch_embedding", config.in_channels))?;
        let text = TextEmbedding::new(config, &mut declare)?;
        let time = TimeEmbedding::new(config, &mut declare)?;
        let image = config
            .image
            .map(|image| ImageEmbedding::new(config, image, &mut declare))
            .transpose()?;
        let blocks = (0..config.blocks)
            .map(|at| Block::new(config, &mut declare, &format!("blocks.{at}"), Branch::Base))
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

    /// The velocity ε − x₀ of the video (METHOD §1.3).
    ///
    /// # Shapes
    /// - input: see [`WanInput`]
    /// - output: `[B, Cout, F, H, W]`
    ///
    /// # Errors
    /// When a shape does not fit, or an input lacks its branch or a branch its input.
    pub fn forward(&self, input: &WanInput) -> Result<Tensor> {
        Ok(self.velocities(input)?.swap_remove(0))
    }

    /// The velocities of the video and of every noisy segment, in their order.
    ///
    /// # Shapes
    /// - input: see [`WanInput`]
    /// - output: one `[B, Cout, F, H, W]` each
    ///
    /// # Errors
    /// As [`Wan::forward`].
    pub fn velocities(&self, input: &WanInput) -> Result<Vec<Tensor>> {
        let context = self.context(input)?;
        let Assembly { xs, spans, outputs } = Assembly::new(self, input)?;
        let state = State { xs, spans, context, remembered: vec![], readable: None };
        let hints = self.hints(input, &state)?;
        let xs = self.run_blocks(state, hints.as_ref(), input)?;
        let velocities = outputs.into_iter().map(|output| {
            let x = output.of(&xs)?;
            input.run().show("head.input", &x);
            self.head.forward((&x, &output.time), output.size, input.lora)
        });
        velocities.collect()
    }

    pub(super) fn context(&self, input: &WanInput) -> Result<Context> {
        let text = self.text.forward(input.text, input.lora)?;
        input.run().show("text_embedding", &text);
        let image = match (&self.image, input.image) {
            (Some(embedding), Some(tokens)) => Some(embedding.forward(tokens, input.lora)?),
            (None, None) => None,
            (Some(_), None) => bail!("the network has an image branch, but got no image tokens"),
            (None, Some(_)) => bail!("got image tokens, but the network has no image branch"),
        };
        if let Some(image) = &image {
            input.run().show("img_emb", image);
        }
        let Some(shared) = input.shared else { return Ok(Context { text, image }) };
        let text = match shared.for_kind(InjectionKind::CrossAttention)? {
            Some(projected) => {
                let rows = text.dim(1)?;
                let last = projected.unsqueeze(1)?.pad_with_zeros(1, rows.saturating_sub(1), 0)?;
                (text + last)?
            }
            None => text,
        };
        Ok(Context { text, image })
    }

    fn hints(&self, input: &WanInput, state: &State) -> Result<Option<Hints<'_>>> {
        let Some(control) = input.vace else { return Ok(None) };
        let Some(vace) = &self.vace else {
            bail!("got a VACE context, but the network has no VACE branch")
        };
        Ok(Some(vace.hints(control, state.first_span_alone(), input.run())?))
    }

    fn run_blocks(
        &self,
        mut state: State,
        hints: Option<&Hints>,
        input: &WanInput,
    ) -> Result<Vec<Tensor>> {
        for (at, block) in self.blocks.iter().enumerate() {
            let of_block = input.remembered.iter().map(|segment| segment.of_block(at).cloned());
            state.remembered = of_block.collect::<Result<_>>()?;
            let text = input.remembered_text.map(|text| text.of_block(at).cloned());
            state.readable = text.transpose()?;
            state.xs = input.run().block(block, &state)?;
            if let Some(hint) = hints.and_then(|hints| hints.after(at)) {
                state.xs[0] = ops::add(&state.xs[0], hint)?;
            }
            let part = input.after_blocks.map(|parts| parts.part(at, &state.xs[0]));
            if let Some(part) = part.transpose()?.flatten() {
                state.xs[0] = ops::add(&state.xs[0], &part)?;
            }
        }
        Ok(state.xs)
    }

    /// Tokens of a latent along time, height and width.
    pub(crate) fn token_grid(&self, latent: &Tensor) -> Result<[usize; 3]> {
        token_grid(latent, self.config.patch)
    }

    /// The place of the named set of modulation weights; 0 is the base's.
    pub(super) fn modulation(&self, name: &str) -> Result<usize> {
        match self.config.modulations.iter().position(|set| set.name == name) {
            Some(at) => Ok(at + 1),
            None => bail!("the network has no modulation `{name}`; name it in `modulations`"),
        }
    }
}
