//! What one process of the generator's benchmark measures.

use candle_core::{Device, Tensor, Var};
use ffrun_models::lora::{Lora, LoraGroup};
use ffrun_models::ops;
use ffrun_models::params::Params;
use ffrun_models::stream::Stream;
use ffrun_models::wan::{VaceConfig, VaceInput, Wan, WanConfig, WanInput};

use super::generator_plot::{Point, draw, operations};
use super::measuring::{Result, exponent, on_the_pool, report};
use super::{Case, Options, measured};

/// Latent channels; a control latent has two of these and a mask of 8 × 8 values.
const CHANNELS: usize = 16;
const TEXT_TOKENS: usize = 16;
const TEXT_WIDTH: usize = 64;

/// Runs a case and prints its line.
pub(super) fn run_case(options: &Options) -> Result<()> {
    on_the_pool(|| match options.case {
        Case::Attention | Case::AttentionTrain => attention(options),
        Case::DitTrain | Case::DitForward => transformer(options),
        Case::Tokens => Err("`tokens` measures training steps; it has none of its own".into()),
    })
}

/// Training steps of one clip at 64 tokens a frame, as CSV, and the fitted exponents.
pub(super) fn run_tokens(options: &Options) -> Result<()> {
    let mut points = vec![];
    println!("tokens,seconds,peak_mib,gflop");
    for tokens in [128, 256, 512, 1024, 2048, 4096] {
        let sizes = Options {
            case: Case::DitTrain,
            batch: 1,
            frames: tokens / 64,
            height: 16,
            width: 16,
            ..options.clone()
        };
        let mut found = measured(&sizes)?;
        for _ in 1..options.rounds {
            found = found.better(measured(&sizes)?);
        }
        let (tokens, seconds, peak_mib) = (tokens as f64, found.seconds, found.peak_mib);
        let gflop = operations(options, tokens) / 1e9;
        println!("{tokens},{seconds:.6},{peak_mib:.1},{gflop:.2}");
        points.push(Point { tokens, seconds, peak_mib });
    }
    let time = exponent(points.iter().map(|at| (at.tokens, at.seconds)));
    let counted = exponent(points.iter().map(|at| (at.tokens, operations(options, at.tokens))));
    let memory = exponent(points.iter().map(|at| (at.tokens, at.peak_mib)));
    eprintln!(
        "time grows as tokens^{time:.2}, operations as tokens^{counted:.2}, memory as \
         tokens^{memory:.2}"
    );
    options.plot.as_deref().map_or(Ok(()), |path| draw(path, options, &points))
}

fn attention(options: &Options) -> Result<()> {
    let Options { batch, tokens, heads, head_dim, .. } = *options;
    let mut stream = Stream::new(0, "bench/generator", 0);
    let mut normal = || stream.normal_tensor((batch, tokens, heads, head_dim), 1.0, &Device::Cpu);
    let operands = [normal()?, normal()?, normal()?];
    let train = options.case == Case::AttentionTrain;
    let mut inputs = operands.clone();
    if train {
        for input in &mut inputs {
            *input = Var::from_tensor(input)?.into_inner();
        }
    }
    report(options.seconds, || {
        let out = ops::attention_blhd(&inputs[0], &inputs[1], &inputs[2])?;
        if train {
            out.sqr()?.sum_all()?.backward()?;
        }
        Ok(())
    })
}

fn transformer(options: &Options) -> Result<()> {
    let Options { batch, frames, height, width, .. } = *options;
    let train = options.case == Case::DitTrain;
    let mut params = parameters(train && options.lora == 0);
    let config = config(options);
    let wan = Wan::new(&config, &mut params, 0)?;
    let mut adapters = parameters(train);
    let lora =
        (options.lora > 0).then(|| lora(options.lora, &params, &mut adapters)).transpose()?;
    let mut stream = Stream::new(0, "bench/generator", 0);
    let mut latent = |channels| {
        stream.normal_tensor((batch, channels, frames, height, width), 1.0, &Device::Cpu)
    };
    let (x, target) = (latent(CHANNELS)?, latent(CHANNELS)?);
    let control = latent(2 * CHANNELS + 64)?;
    let text = stream.normal_tensor((batch, TEXT_TOKENS, TEXT_WIDTH), 1.0, &Device::Cpu)?;
    let timestep = Tensor::full(500_f32, batch, &Device::Cpu)?;
    let mut input = WanInput::new(&x, &timestep, &text);
    input.vace = Some(VaceInput { context: &control, scales: None });
    input.lora = lora.as_ref();
    input.recompute = options.recompute;
    report(options.seconds, || {
        let velocity = wan.forward(&input)?;
        if !train {
            return Ok(());
        }
        let gradients = (velocity - &target)?.sqr()?.mean_all()?.backward()?;
        for param in params.iter().chain(adapters.iter()).filter(|param| param.is_trained()) {
            if gradients.get(param.var()).is_none() {
                return Err(format!("no gradient reaches `{}`", param.name()).into());
            }
        }
        Ok(())
    })
}

fn parameters(trained: bool) -> Params {
    if trained { Params::new(&Device::Cpu) } else { Params::frozen(&Device::Cpu) }
}

fn config(options: &Options) -> WanConfig {
    let Options { dim, heads, layers, .. } = *options;
    let blocks = (0..layers).step_by(2).collect();
    WanConfig {
        dim,
        ffn_dim: 4 * dim,
        heads,
        blocks: layers,
        in_channels: CHANNELS,
        out_channels: CHANNELS,
        patch: [1, 2, 2],
        text_dim: TEXT_WIDTH,
        text_len: None,
        freq_dim: 256,
        eps: 1e-6,
        vace: Some(VaceConfig { blocks, in_channels: 2 * CHANNELS + 64 }),
        image: None,
        modulations: vec![],
    }
}

/// Adapters on q, k and v of every attention, as on PyTorch's side.
fn lora(rank: usize, base: &Params, adapters: &mut Params) -> Result<Lora> {
    let layers = ["self_attn", "cross_attn"];
    let targets = layers.iter().flat_map(|attention| {
        ["q", "k", "v"].iter().map(move |projection| format!("{attention}.{projection}"))
    });
    let group = LoraGroup { targets: targets.collect(), rank, alpha: rank as f64 };
    Ok(Lora::new(&[group], base, adapters, 0)?)
}
