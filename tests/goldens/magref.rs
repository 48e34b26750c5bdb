//! Goldens of MAGREF's canvas: pictures in cells, and the mask of where they are.

use candle_core::{DType, Device, Tensor};
use ffrun_models::baselines::{
    Canvas, CanvasOrder, canvas_cells, fitted_on_white, over_white, region_cells,
};
use ffrun_models::eval::picture::Picture;

use super::case::{Case, integers};
use super::check::Check;
use super::resample::{picture, tensor};
use super::wan_config::sides;
use super::{Kind, Result};

/// `MagRefModel.process_refimg` and `resize_and_pad`.
pub(super) const KIND: Kind = Kind {
    name: "MAGREF condition",
    recognises: |case| case.has("/inputs", "rgba") && case.has("/expected", "orders"),
    run,
};

/// Side of a latent cell in pixels.
const CELL: usize = 8;

fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for name in case.outputs() {
        let shape = sides(&case.json["outputs"][name]["shape"]);
        let found = if let Some(count) = name.strip_prefix("canvas_") {
            checks.push(latent_blocks(case, count, [shape[0], shape[1]])?);
            tensor(&canvas(case, count, [shape[0], shape[1]])?.picture)?
        } else if let Some(count) = name.strip_prefix("latent_mask_") {
            let canvas = canvas(case, count, [shape[0] * CELL, shape[1] * CELL])?;
            let cells = region_cells(&canvas.region_tensor(&Device::Cpu)?, CELL)?;
            cells.reshape(shape)?.to_dtype(DType::U8)?
        } else {
            rgba(case, name, &shape)?
        };
        checks.extend(case.check(name, &found)?);
    }
    Ok(checks)
}

fn canvas(case: &Case, count: &str, size: [usize; 2]) -> Result<Canvas> {
    let mut pictures = vec![];
    for at in 0..count.parse()? {
        pictures.push(picture(&case.input(&format!("ref_image{at}"))?)?);
    }
    Ok(Canvas::new(&pictures, size, &order(case, count))?)
}

fn order(case: &Case, count: &str) -> CanvasOrder {
    let list = |key: &str| sides(&case.json["expected"]["orders"][count][key]);
    CanvasOrder { images: list("image_order"), cells: list("cell_order") }
}

/// Whether the cells, in their order, cover the latent positions (x, x end, y, y end) of the case.
fn latent_blocks(case: &Case, count: &str, size: [usize; 2]) -> Result<Check> {
    let cells = canvas_cells(count.parse()?, size)?;
    let inner = |start: usize, length: usize| [start.div_ceil(CELL), (start + length) / CELL];
    let found = order(case, count).cells.into_iter().flat_map(|at| {
        let cell = cells[at];
        [inner(cell.left, cell.width), inner(cell.top, cell.height)].concat()
    });
    let expected = integers(&case.json["expected"]["orders"][count]["latent_blocks"]);
    let agrees = found.map(|side| side as i64).eq(expected);
    Ok(Check::exact(format!("cells of {count}"), agrees))
}

/// The picture with opacities, fitted, or the mask of where it lies.
fn rgba(case: &Case, name: &str, shape: &[usize]) -> Result<Tensor> {
    let image = case.input("rgba")?;
    let (height, width, _) = image.dims3()?;
    let image: Picture = over_white([height, width], &image.flatten_all()?.to_vec1()?)?;
    let size = [shape[shape.len() - 2], shape[shape.len() - 1]];
    if name == "rgba_fitted" {
        let (fitted, _) = fitted_on_white(&image, size)?;
        return Ok(tensor(&fitted)?.permute((2, 0, 1))?.contiguous()?);
    }
    let canvas = Canvas::new(&[image], size, &CanvasOrder::as_given(1))?;
    Ok(canvas.region_tensor(&Device::Cpu)?.reshape(shape)?.to_dtype(DType::U8)?)
}
