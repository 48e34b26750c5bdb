//! What a process of the baselines' benchmark measures.

use std::time::Instant;

use candle_core::{Device, Tensor};
use cpu_time::ThreadTime;
use ffrun_models::baselines::{
    ConcatIdStage, FaceInput, FaceSpec, Identity, Keys, Load, Mechanism, Memory, Method, PassInput,
    Told, concat_id, consisid, faithful_faces, hunyuan_custom, magref, operations, phantom,
    skyreels_a2, stand_in, stand_in_with_vace, vace,
};
use ffrun_models::params::Params;
use ffrun_models::stream::Stream;
use ffrun_models::wan::{VaceConfig, Wan, WanConfig};

use super::{Options, Result};

/// Latent channels; a control latent has two of these and a mask of 8 × 8 values.
const CHANNELS: usize = 16;
/// Frames that go into a latent one.
const TEMPORAL: usize = 4;
const TEXT_TOKENS: usize = 16;
const TEXT_WIDTH: usize = 64;
const IMAGE_TOKENS: usize = 16;
const IMAGE_WIDTH: usize = 64;
const SHARED_WIDTH: usize = 64;

/// Every method, VACE first.
pub(super) fn methods(options: &Options) -> Vec<Mechanism> {
    let face = FaceSpec {
        id_dim: 64,
        vit_dim: 64,
        scales: 1,
        depth: 2,
        heads: 1,
        queries: 8,
        out_dim: 2 * options.dim / 3,
        cross_heads: options.heads,
        cross_head_dim: options.dim / options.heads,
        ..FaceSpec::default()
    };
    vec![
        vace(),
        faithful_faces(options.rank, SHARED_WIDTH),
        phantom(),
        concat_id(ConcatIdStage::First),
        concat_id(ConcatIdStage::AdaLn),
        stand_in(options.rank),
        stand_in_with_vace(options.rank),
        hunyuan_custom(Some(IMAGE_WIDTH)),
        skyreels_a2(IMAGE_WIDTH),
        magref(IMAGE_WIDTH),
        consisid(face),
    ]
}

/// A method with a person and noise.
pub(super) struct Scene {
    method: Method,
    told: Told,
    noise: Tensor,
    timestep: Tensor,
}

impl Scene {
    pub(super) fn new(mechanism: &Mechanism, options: &Options, train: bool) -> Result<Self> {
        let set = || if train { Params::new(&Device::Cpu) } else { Params::frozen(&Device::Cpu) };
        let (mut network, mut own) = (set(), set());
        let wan = Wan::new(&mechanism.network(&base(options), TEMPORAL)?, &mut network, 0)?;
        let method = Method::new(mechanism, (wan, &network), &mut own, 0)?;
        let told = told(mechanism, options)?;
        let frames = options.frames + told.identity.in_front;
        let shape = [1, CHANNELS, frames, options.height, options.width];
        let timestep = Tensor::new(&[500f32], &Device::Cpu)?;
        Ok(Self { method, told, noise: normal("noise", &shape)?, timestep })
    }

    fn pass(&self) -> Result<PassInput> {
        Ok(self.method.pass(&self.told.prompt, &self.told.identity, &self.noise)?)
    }

    fn velocity(&self, pass: &PassInput) -> Result<Tensor> {
        Ok(pass.velocities(&self.noise, &self.timestep, None)?.swap_remove(0))
    }

    pub(super) fn training_step(&self) -> Result<()> {
        let velocity = self.velocity(&self.pass()?)?;
        velocity.sqr()?.mean_all()?.backward()?;
        Ok(())
    }

    fn load(&self, options: &Options) -> Load {
        let [side_h, side_w] = reference_sides(options);
        let mechanism = self.method.mechanism();
        let frame = options.height * options.width / 4;
        let references = mechanism.segments.len() * side_h * side_w / 4;
        let video = (options.frames + self.told.identity.in_front) * frame;
        let (text, image, rank) = (TEXT_TOKENS, IMAGE_TOKENS, options.rank);
        Load { video, references, remembered: 0, text, image, rank }
    }
}

/// One pass of every method in turn.
pub(super) fn passes(options: &Options) -> Result<()> {
    let mut scenes = vec![];
    for mechanism in methods(options) {
        let scene = Scene::new(&mechanism, options, false)?;
        let pass = scene.pass()?;
        scene.velocity(&pass)?;
        scenes.push((scene, pass, f64::INFINITY));
    }
    for _ in 0..options.rounds {
        for (scene, pass, least) in &mut scenes {
            *least = least.min(seconds(|| scene.velocity(pass).map(|_| ()))?);
        }
    }
    println!("method,passes,tokens,gflop,ms,ms_per_gflop_over_vace");
    let mut vace = None;
    for (scene, _, least) in &scenes {
        let (mechanism, load) = (scene.method.mechanism(), scene.load(options));
        let gflop = operations(mechanism, scene.method.wan().config(), load) / 1e9;
        let rate = least / gflop;
        let over = rate / *vace.get_or_insert(rate);
        let (passes, tokens) = (mechanism.passes_per_step(), load.video + load.references);
        println!("{},{passes},{tokens},{gflop:.4},{:.3},{over:.3}", mechanism.name, least * 1e3);
    }
    Ok(())
}

/// A step of Stand-In in turn with its keys remembered, and computed in each of its passes.
pub(super) fn keys(options: &Options) -> Result<()> {
    let mut sides = vec![];
    for keys in [Keys::Remembered, Keys::Fresh] {
        let mut mechanism = stand_in(options.rank);
        mechanism.segments[0].keys = keys;
        let scene = Scene::new(&mechanism, options, false)?;
        let passes = scene.method.passes(&scene.told, &scene.noise, &mut Memory::default())?;
        sides.push((scene, passes, f64::INFINITY));
    }
    for _ in 0..=options.rounds {
        for (scene, passes, least) in &mut sides {
            let step = || passes.iter().try_for_each(|pass| scene.velocity(pass).map(|_| ()));
            *least = least.min(seconds(step)?);
        }
    }
    let (remembered, fresh) = (sides[0].2, sides[1].2);
    println!("remembered_ms,fresh_ms,ratio");
    println!("{:.3},{:.3},{:.3}", remembered * 1e3, fresh * 1e3, fresh / remembered);
    Ok(())
}

/// Seconds of a step. Where all is done by one thread, what others do beside it is left out.
fn seconds(step: impl Fn() -> Result<()>) -> Result<f64> {
    let (start, worked) = (Instant::now(), ThreadTime::now());
    step()?;
    let alone = rayon::current_num_threads() == 1;
    Ok(if alone { worked.elapsed() } else { start.elapsed() }.as_secs_f64())
}

fn base(options: &Options) -> WanConfig {
    let Options { dim, heads, layers, .. } = *options;
    let blocks = (0..layers).step_by(2).collect();
    WanConfig {
        dim,
        ffn_dim: 4 * dim,
        heads,
        blocks: layers,
        text_dim: TEXT_WIDTH,
        text_len: None,
        vace: Some(VaceConfig { blocks, in_channels: 2 * CHANNELS + 64 }),
        ..WanConfig::t2v_1_3b()
    }
}

fn told(mechanism: &Mechanism, options: &Options) -> Result<Told> {
    let Options { frames, height, width, .. } = *options;
    let [side_h, side_w] = reference_sides(options);
    let reference = normal("reference", &[1, CHANNELS, 1, side_h, side_w])?;
    let in_front = usize::from(mechanism.control.is_some_and(|control| control.references));
    let latent = |channels: usize, more: usize| {
        normal("latent", &[1, channels, frames + more, height, width])
    };
    let channels = mechanism.channels.map(|channels| channels.count(CHANNELS, TEMPORAL));
    let identity = Identity {
        references: vec![reference],
        control: mechanism.control.map(|_| latent(2 * CHANNELS + 64, in_front)).transpose()?,
        in_front,
        channels: channels.map(|channels| latent(channels, 0)).transpose()?,
        image: Some(normal("image", &[1, IMAGE_TOKENS, IMAGE_WIDTH])?),
        face: Some(FaceInput {
            id: normal("id", &[1, 64])?,
            layers: vec![normal("layer", &[1, IMAGE_TOKENS, 64])?],
        }),
        shared: Some(normal("shared", &[1, SHARED_WIDTH])?),
    };
    let text = |name: &str| normal(name, &[1, TEXT_TOKENS, TEXT_WIDTH]);
    let blank = identity.blank(None)?;
    Ok(Told { prompt: text("prompt")?, negative: text("negative")?, identity, blank })
}

fn reference_sides(options: &Options) -> [usize; 2] {
    match options.reference.as_deref() {
        Some([height, width]) => [*height, *width],
        _ => [options.height, options.width],
    }
}

fn normal(purpose: &str, shape: &[usize]) -> Result<Tensor> {
    Ok(Stream::new(0, purpose, 0).normal_tensor(shape, 1.0, &Device::Cpu)?)
}
