//! Goldens of HunyuanCustom's rotary table with a reference in front of the video.

use candle_core::{DType, Device, Tensor};
use ffrun_models::wan::{Grid, Rotary, RotaryAxes};

use super::case::Case;
use super::check::Check;
use super::{Kind, Result};

/// `get_nd_rotary_pos_embed_new`.
pub(super) const KIND: Kind = Kind {
    name: "HunyuanCustom rotary",
    recognises: |case| case.outputs().any(|name| name.contains(".timecat")),
    run,
};

/// Base of its frequencies.
const THETA: f64 = 256.0;

/// Outputs are named `<label>_<widths of the axes>_<T>x<H>x<W>.<mode>.<cos or sin>`.
fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for name in case.outputs() {
        let [sizes, mode, part] = name.split('.').collect::<Vec<_>>()[..] else {
            return Err(format!("unknown output `{name}`").into());
        };
        let (axes, grid) = sizes.rsplit_once('_').ok_or("no sizes")?;
        let widths: Vec<usize> =
            axes.split('_').skip(1).map(str::parse).collect::<std::result::Result<_, _>>()?;
        let grid: Vec<usize> =
            grid.split('x').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let rotary = rotary(three(&widths)?, three(&grid)?, mode)?;
        let table = if part == "cos" { &rotary.cos } else { &rotary.sin };
        checks.extend(case.check(name, &doubled(table)?)?);
    }
    Ok(checks)
}

fn rotary(widths: [usize; 3], size: [usize; 3], mode: &str) -> Result<Rotary> {
    let [_, h, w] = size;
    let video = Grid::at_origin(size);
    // The reference stands at time −1; in the mode that is used, a video's width beside it.
    let beside = |left: usize| Grid { size: [1, h, w], origin: [-1, 0, left as i64] };
    let grids = match mode {
        "plain" => vec![video],
        "timecat" => vec![beside(0), video],
        "timecat-w" => vec![beside(w), video],
        _ => return Err(format!("unknown mode `{mode}`").into()),
    };
    let axes = RotaryAxes { pairs: widths.map(|width| width / 2), theta: THETA };
    Ok(Rotary::with_axes(&grids, &axes, &Device::Cpu)?)
}

/// Each value twice, for both of a pair, as the original keeps it.
fn doubled(table: &Tensor) -> Result<Tensor> {
    let (tokens, pairs) = table.dims2()?;
    let both = table.unsqueeze(2)?.broadcast_as((tokens, pairs, 2))?;
    Ok(both.reshape((tokens, 2 * pairs))?.to_dtype(DType::F32)?)
}

fn three(sides: &[usize]) -> Result<[usize; 3]> {
    Ok(sides.try_into().map_err(|_| "not three sides")?)
}
