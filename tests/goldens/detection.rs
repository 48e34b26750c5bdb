//! Goldens of what lies around SCRFD: its input, and the faces in its output.

use candle_core::{DType, Device, Tensor};
use ffrun_models::eval::scrfd::{Face, Letterbox, ScaleOutput, Thresholds, faces, most_central};

use super::case::Case;
use super::check::Check;
use super::resample::picture;
use super::{Kind, Result};

/// SCRFD without its network.
pub(super) const KIND: Kind =
    Kind { name: "detection", recognises: |case| case.has("/inputs", "kps_32"), run };

fn run(case: &Case) -> Result<Vec<Check>> {
    let image = picture(&case.input("image_bgr_hwc")?)?.swapped();
    let blob = case.stored("out.blob")?.dims4()?;
    let size = [blob.2, blob.3];
    let letterbox = Letterbox::new(&image, size, &Device::Cpu)?;
    let scale = |stride: usize| -> Result<ScaleOutput> {
        Ok(ScaleOutput {
            scores: case.input(&format!("score_{stride}"))?,
            distances: case.input(&format!("bbox_{stride}"))?,
            offsets: case.input(&format!("kps_{stride}"))?,
        })
    };
    let outputs = [scale(8)?, scale(16)?, scale(32)?];
    let found = faces(&outputs, (size, letterbox.scale), Thresholds::default())?;
    let central: Vec<Face> = most_central(&found, image.size()).copied().into_iter().collect();
    let mut checks = vec![];
    for name in case.outputs() {
        let value = match name {
            "blob" => letterbox.input.clone(),
            "det" => boxes(&found)?,
            "det_max1" => boxes(&central)?,
            "kps" => points(&found)?,
            "kps_max1" => points(&central)?,
            _ => return Err(format!("unknown output `{name}`").into()),
        };
        checks.extend(case.check(name, &value)?);
    }
    Ok(checks)
}

fn boxes(faces: &[Face]) -> Result<Tensor> {
    let row = |face: &Face| face.edges.into_iter().chain([face.score]);
    let rows: Vec<f32> = faces.iter().flat_map(row).collect();
    Ok(Tensor::from_vec(rows, (faces.len(), 5), &Device::Cpu)?)
}

fn points(faces: &[Face]) -> Result<Tensor> {
    let rows: Vec<f64> = faces.iter().flat_map(|face| face.points.concat()).collect();
    let rows = Tensor::from_vec(rows, (faces.len(), 5, 2), &Device::Cpu)?;
    Ok(rows.to_dtype(DType::F32)?)
}
