//! Goldens of five-point alignment: matrices, and pictures warped by them.

use candle_core::{Device, Tensor};
use ffrun_models::eval::alignment::{FivePoints, Similarity, aligned, template};
use ffrun_models::eval::resampling::resized_as_cv2;

use super::case::{Case, numbers};
use super::check::{Check, Tolerance};
use super::resample::{picture, tensor};
use super::{Kind, Result};

/// Landmarks and what becomes of them.
pub(super) const KIND: Kind =
    Kind { name: "alignment", recognises: |case| case.has("/inputs", "landmarks"), run };

/// Outputs are named `M_<side>` and `crop<side>_<face>[_resized<side>]`.
fn run(case: &Case) -> Result<Vec<Check>> {
    let landmarks = numbers(&case.input("landmarks")?)?;
    let faces: Vec<FivePoints> =
        landmarks.chunks_exact(10).map(|p| [0, 2, 4, 6, 8].map(|at| [p[at], p[at + 1]])).collect();
    let image = picture(&case.input("image_rgb_or_bgr_hwc")?)?;
    let mut checks = vec![];
    for name in case.outputs() {
        if let Some(side) = name.strip_prefix("M_") {
            checks.extend(matrices(case, name, &faces, side.parse()?)?);
            continue;
        }
        let mut parts = name.strip_prefix("crop").ok_or(format!("output `{name}`?"))?.split('_');
        let mut next = || parts.next().ok_or("a crop without side or face");
        let (side, face): (usize, usize) = (next()?.parse()?, next()?.parse()?);
        let crop = aligned(&image, &faces[face], side)?;
        let crop = match parts.next().and_then(|part| part.strip_prefix("resized")) {
            Some(side) => resized_as_cv2(&crop, [side.parse()?; 2])?,
            None => crop,
        };
        checks.extend(case.check(name, &tensor(&crop)?)?);
    }
    Ok(checks)
}

/// All entries under one bound, the turn and the scale under a tighter one.
fn matrices(case: &Case, name: &str, faces: &[FivePoints], side: usize) -> Result<Vec<Check>> {
    let goal = template(side)?;
    let mut values = vec![];
    for face in faces {
        values.extend(Similarity::between(face, &goal)?.matrix().concat());
    }
    let expected = numbers(case.stored(&format!("out.{name}"))?)?;
    let linear = |values: &[f64]| -> Vec<f64> {
        values.chunks_exact(3).flat_map(|row| [row[0], row[1]]).collect()
    };
    let bound = case.tolerance(name).0["linear_part_max_abs"].clone();
    let bounds = serde_json::json!({ "max_abs": bound });
    let what = format!("{name}, linear part");
    let mut checks = Tolerance(&bounds).compare(&what, &linear(&values), &linear(&expected));
    let found = Tensor::from_vec(values, (faces.len(), 2, 3), &Device::Cpu)?;
    checks.extend(case.check(name, &found)?);
    Ok(checks)
}
