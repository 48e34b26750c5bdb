//! From noise to a latent with a Wan transformer: sampler, guidance and conditions together.

use std::ops::ControlFlow;

use candle_core::{Result, Tensor, bail};

use crate::flow::{Guidance, Pass, Progress, Sampler, SamplerSettings, sample};
use crate::wan::{SharedInput, VaceInput, Wan, WanInput};

/// What the network is told under one of the names that a [`Guidance`] uses.
#[derive(Clone, Copy)]
pub struct Condition<'a> {
    /// The name, e.g. `positive`.
    pub name: &'a str,
    /// Everything but the latent and the timestep, which each step puts in.
    pub input: WanInput<'a>,
}

/// A transformer with all that it samples under.
#[derive(Clone, Copy)]
pub struct Pipeline<'a> {
    /// The transformer, built on frozen parameters.
    pub wan: &'a Wan,
    /// Solver, noise levels and steps.
    pub sampler: SamplerSettings,
    /// How the passes of a step are added up.
    pub guidance: &'a Guidance,
    /// One for every pass of the guidance.
    pub conditions: &'a [Condition<'a>],
    /// Frames at the front that hold VACE's references: sampled with the video, then dropped.
    pub references: usize,
    /// Runs the passes of a step as one batch: faster on a device that a single pass does not fill,
    /// in as many times the memory.
    pub batched: bool,
}

impl Pipeline<'_> {
    /// Samples from `noise`. `progress` is called after every step; when it breaks, the result is
    /// none.
    ///
    /// # Shapes
    /// - noise: `[B, C, R + F, H, W]`, R the `references`
    /// - output: `[B, C, F, H, W]`
    ///
    /// # Errors
    /// When a pass has no condition, when conditions that are to run as one batch differ in more
    /// than their values, and as [`Wan::forward`].
    pub fn generate(
        &self,
        noise: &Tensor,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Tensor>> {
        let frames = noise.dims5()?.2;
        if self.references >= frames {
            bail!("{} reference frames leave no video in {frames}", self.references);
        }
        let sampler = Sampler::new(&self.sampler)
            .map_err(|error| candle_core::Error::msg(error.to_string()))?;
        let conditions = self.chosen()?;
        let batch = if self.batched { Batch::of(&conditions)? } else { None };
        let mut predict = |latent: &Tensor, timestep: f64, _: &[Pass]| match &batch {
            Some(batch) => batch.velocities(self.wan, latent, timestep),
            None => conditions
                .iter()
                .map(|condition| forward(self.wan, &condition.input, latent, timestep))
                .collect(),
        };
        let latent = sample(sampler, self.guidance, noise, &mut predict, progress)?;
        let video = frames - self.references;
        latent.map(|latent| latent.narrow(2, self.references, video)).transpose()
    }

    /// The conditions in the order of the passes.
    fn chosen(&self) -> Result<Vec<Condition<'_>>> {
        let find = |pass: &Pass| {
            let named = self.conditions.iter().find(|condition| condition.name == pass.condition);
            let known: Vec<_> = self.conditions.iter().map(|condition| condition.name).collect();
            named.copied().ok_or_else(|| {
                let (wanted, known) = (&pass.condition, known.join("`, `"));
                candle_core::Error::msg(format!(
                    "guidance wants a condition `{wanted}`; there are `{known}`"
                ))
            })
        };
        self.guidance.passes().iter().map(find).collect()
    }
}

fn forward(wan: &Wan, input: &WanInput, latent: &Tensor, timestep: f64) -> Result<Tensor> {
    let timestep = Tensor::full(timestep as f32, latent.dim(0)?, latent.device())?;
    wan.forward(&WanInput { latent, timestep: &timestep, ..*input })
}

/// Whether an input has parts that are not joined along the batch dimension.
fn brings_its_own(input: &WanInput) -> bool {
    !input.segments.is_empty()
        || !input.remembered.is_empty()
        || input.remembered_text.is_some()
        || input.channels.is_some()
        || input.after_blocks.is_some()
}

/// Conditions joined along the batch dimension.
struct Batch<'a> {
    passes: usize,
    text: Tensor,
    control: Option<Tensor>,
    image: Option<Tensor>,
    shared: Option<Tensor>,
    /// Where everything that does not depend on the condition is taken from.
    first: WanInput<'a>,
}

impl<'a> Batch<'a> {
    /// None when there is only one condition.
    fn of(conditions: &[Condition<'a>]) -> Result<Option<Self>> {
        let [Condition { input: first, .. }, _, ..] = conditions else { return Ok(None) };
        if conditions.iter().any(|condition| brings_its_own(&condition.input)) {
            bail!("passes with extra segments cannot run as one batch; run them one by one");
        }
        let join = |of: &dyn Fn(&WanInput<'a>) -> Option<Tensor>| -> Result<Option<Tensor>> {
            let parts: Vec<Tensor> =
                conditions.iter().filter_map(|condition| of(&condition.input)).collect();
            match parts.len() {
                0 => Ok(None),
                count if count == conditions.len() => Ok(Some(Tensor::cat(&parts, 0)?)),
                _ => bail!("some passes lack an input that others have; run them one by one"),
            }
        };
        let Some(text) = join(&|input| Some(input.text.clone()))? else { return Ok(None) };
        Ok(Some(Self {
            passes: conditions.len(),
            text,
            control: join(&|input| input.vace.map(|vace| vace.context.clone()))?,
            image: join(&|input| input.image.cloned())?,
            shared: join(&|input| input.shared.map(|shared| shared.value.clone()))?,
            first: *first,
        }))
    }

    fn velocities(&self, wan: &Wan, latent: &Tensor, timestep: f64) -> Result<Vec<Tensor>> {
        let latents = Tensor::cat(&vec![latent; self.passes], 0)?;
        let vace = self.first.vace.zip(self.control.as_ref());
        let shared = self.first.shared.zip(self.shared.as_ref());
        let input = WanInput {
            text: &self.text,
            vace: vace.map(|(vace, context)| VaceInput { context, ..vace }),
            image: self.image.as_ref(),
            shared: shared.map(|(shared, value)| SharedInput { value, ..shared }),
            ..self.first
        };
        forward(wan, &input, &latents, timestep)?.chunk(self.passes, 0)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Condition, Pipeline};
    use crate::flow::{Guidance, Progress, SamplerSettings, SolverKind};
    use crate::params::Params;
    use crate::stream::Stream;
    use crate::wan::{VaceConfig, VaceInput, Wan, WanConfig, WanInput};
    use candle_core::{Device, Tensor};

    fn normal(purpose: &str, shape: &[usize]) -> Tensor {
        let mut stream = Stream::new(1, purpose, 0);
        stream.normal_tensor(shape, 0.3, &Device::Cpu).unwrap()
    }

    /// A small network whose head and VACE branch are not zero.
    fn network() -> Wan {
        let vace = Some(VaceConfig { blocks: vec![0], in_channels: 6 });
        let small =
            WanConfig { dim: 24, ffn_dim: 32, heads: 2, blocks: 2, ..WanConfig::t2v_1_3b() };
        let config = WanConfig {
            in_channels: 4,
            out_channels: 4,
            text_dim: 8,
            text_len: None,
            freq_dim: 16,
            vace,
            ..small
        };
        let mut params = Params::frozen(&Device::Cpu);
        let wan = Wan::new(&config, &mut params, 1).unwrap();
        for param in params.iter() {
            param.var().set(&normal(param.name(), param.var().dims())).unwrap();
        }
        wan
    }

    struct Scene {
        wan: Wan,
        noise: Tensor,
        texts: [Tensor; 2],
        control: Tensor,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                wan: network(),
                noise: normal("noise", &[2, 4, 3, 4, 4]),
                texts: ["told", "untold"].map(|name| normal(name, &[2, 5, 8])),
                control: normal("control", &[2, 6, 3, 4, 4]),
            }
        }

        fn run(
            &self,
            guidance: &Guidance,
            batched: bool,
            progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> candle_core::Result<Option<Tensor>> {
            let vace = Some(VaceInput { context: &self.control, scales: None });
            let timestep = Tensor::zeros(2, candle_core::DType::F32, &Device::Cpu)?;
            let input = |text| WanInput { vace, ..WanInput::new(&self.noise, &timestep, text) };
            let conditions = [
                Condition { name: "positive", input: input(&self.texts[0]) },
                Condition { name: "negative", input: input(&self.texts[1]) },
            ];
            let pipeline = Pipeline {
                wan: &self.wan,
                sampler: SamplerSettings::new(SolverKind::UniPc, 3, 5.0),
                guidance,
                conditions: &conditions,
                references: 1,
                batched,
            };
            pipeline.generate(&self.noise, progress)
        }

        fn latent(&self, guidance: &Guidance, batched: bool) -> Tensor {
            self.run(guidance, batched, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
        }
    }

    fn furthest(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn one_batch_gives_what_single_passes_give() {
        let (scene, guidance) = (Scene::new(), Guidance::classifier_free(5.0));
        let (one, many) = (scene.latent(&guidance, true), scene.latent(&guidance, false));
        assert_eq!(one.dims(), [2, 4, 2, 4, 4]); // without the reference's frame
        assert!(furthest(&one, &many) < 1e-4, "{}", furthest(&one, &many));
        let unguided = scene.latent(&Guidance::none(), true);
        assert!(furthest(&one, &unguided) > 1e-3);
    }

    #[test]
    fn a_pass_without_condition_is_named() {
        let error = Scene::new()
            .run(&Guidance::phantom(5.0, 7.5), false, &mut |_| ControlFlow::Continue(()));
        let text = error.unwrap_err().to_string();
        let expected = "guidance wants a condition `reference`; there are `positive`, `negative`";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn a_run_that_is_stopped_gives_nothing() {
        let stop = &mut |_: Progress| ControlFlow::Break(());
        assert!(Scene::new().run(&Guidance::none(), false, stop).unwrap().is_none());
    }
}
