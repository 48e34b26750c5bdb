//! Goldens of the small pieces of the Wan transformer.

use candle_core::{D, DType, Device, Tensor};
use ffrun_models::ops;
use ffrun_models::sinusoid::Sinusoid;
use ffrun_models::wan::{Grid, Rotary, unpatchify};

use super::case::{Case, numbers};
use super::check::Check;
use super::{Kind, Result};

/// Rotation, sinusoid, norms, activations and patches, each by itself.
pub(super) const KIND: Kind = Kind {
    name: "pieces of wan",
    recognises: |case| {
        case.outputs().any(|name| name.starts_with("rope_apply"))
            && case.outputs().any(|name| name.starts_with("unpatchify"))
    },
    run,
};

const EPS: f32 = 1e-6; // METHOD §1.1

fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for name in case.outputs() {
        checks.extend(case.check(name, &compute(case, name)?)?);
    }
    Ok(checks)
}

fn compute(case: &Case, name: &str) -> Result<Tensor> {
    if let Some(settings) = name.strip_prefix("rope_apply_") {
        return rotated(case, settings);
    }
    if let Some(settings) = name.strip_prefix("unpatchify_") {
        let (grid, channels) = settings.split_once("_c").ok_or("no channels")?;
        let patches = case.input("patches")?;
        return Ok(unpatchify(&patches, sides(grid)?, [1, 2, 2], channels.parse()?)?);
    }
    let input = if name.contains("small") { "norm_x_small" } else { "norm_x" };
    let piece = name.split('_').next().unwrap_or_default();
    let x = case.input(input)?;
    Ok(match piece {
        "rmsnorm" => ops::rms_norm(&x, &weight(case)?, EPS)?,
        "layernorm" => {
            let ones = Tensor::ones(x.dim(D::Minus1)?, DType::F32, &Device::Cpu)?;
            ops::layer_norm(&x, &ones, &ones.zeros_like()?, EPS)?
        }
        "gelu" => ops::gelu(&x)?,
        "silu" => ops::silu(&x)?,
        "sinusoidal" | "diffusers" => timesteps(case)?,
        _ => return Err(format!("unknown output `{name}`").into()),
    })
}

/// The norms' weight: the only one of the case.
fn weight(case: &Case) -> Result<Tensor> {
    Ok(case.weights()?.into_values().next().ok_or("no weight")?)
}

/// In f64, as the original computes them.
fn timesteps(case: &Case) -> Result<Tensor> {
    let sinusoid = Sinusoid { dim: 256, cos_first: true, shift: 0.0, scale: 1.0 };
    let steps = numbers(&case.input("timesteps")?)?;
    let rows: Vec<Vec<f64>> = steps.into_iter().map(|step| sinusoid.features(step)).collect();
    Ok(Tensor::new(rows, &Device::Cpu)?)
}

/// `2x3x4_hd128`: a grid and the head width. The input is the one of that shape.
fn rotated(case: &Case, settings: &str) -> Result<Tensor> {
    let (grid, width) = settings.split_once("_hd").ok_or("no head width")?;
    let (grid, width) = (Grid::at_origin(sides(grid)?), width.parse()?);
    let Rotary { cos, sin } = Rotary::new(&[grid], width, &Device::Cpu)?;
    for name in ["q", "q2", "q3"] {
        let x = case.input(name)?;
        if x.dim(1)? == grid.tokens() && x.dim(3)? == width {
            return Ok(ops::rope(&x, &cos, &sin)?);
        }
    }
    Err(format!("no input for `{settings}`").into())
}

fn sides(text: &str) -> Result<[usize; 3]> {
    let sides = text.split('x').map(str::parse).collect::<std::result::Result<Vec<usize>, _>>()?;
    Ok(sides.try_into().map_err(|_| "a grid without three sides")?)
}
