//! Goldens of Fréchet distances between filled sets of features.

use candle_core::{DType, Device, Tensor};
use ffrun_models::eval::frechet::{
    Moments, consisid_distance, consisid_single_image, frechet_distance,
};

use super::case::Case;
use super::check::Check;
use super::fill::Fill;
use super::{Kind, Result};

/// Numbers for pairs of sets `<pair>.a` and `<pair>.b`.
pub(super) const KIND: Kind = Kind {
    name: "Fréchet distance",
    recognises: |case| case.has("/expected", "consisid_single_image"),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for (pair, expected) in case.json["expected"].as_object().ok_or("nothing expected")? {
        let expected = expected.as_object().ok_or("a pair without numbers")?;
        if pair == "consisid_single_image" {
            let (a, b) = (features(case, "single.a")?, features(case, "single.b")?);
            let found = consisid_single_image(&a.get(0)?, &b.get(0)?)?;
            for (key, value) in expected {
                let value = value.as_f64().ok_or("an expected value that is no number")?;
                checks.extend(case.check_number(&format!("{pair}.{key}"), found, value));
            }
            continue;
        }
        let a = Moments::of(&features(case, &format!("{pair}.a"))?)?;
        let b = Moments::of(&features(case, &format!("{pair}.b"))?)?;
        let distance = frechet_distance(&a, &b)?;
        for (key, value) in expected {
            let Some(value) = value.as_f64() else { continue }; // `error: null`
            let found = match key.as_str() {
                "pytorch_fid" | "symmetric_eigh" | "svd_of_AtB" => distance,
                "mean_term" => a.squared_mean_distance(&b)?,
                "trace1" => a.total_variance()?,
                "trace2" => b.total_variance()?,
                key if key.starts_with("consisid_calculate_fid") => consisid_distance(&a, &b)?,
                _ => return Err(format!("unknown number `{key}`").into()),
            };
            let name = format!("{pair}.{key}");
            checks.extend(case.check_number(&name, found, value));
            if key == "svd_of_AtB" {
                // The tolerance of the pairs with few features is pytorch-fid's error, not ours.
                let error = (found - value).abs() / value;
                checks.push(Check::new(&name, "rel", error, 1e-6));
            }
        }
    }
    Ok(checks)
}

/// A filled set in f64, mixed by a filled matrix where the case says so.
fn features(case: &Case, name: &str) -> Result<Tensor> {
    let features = case.input(name)?.to_dtype(DType::F64)?;
    let Some(scale) = case.json["inputs"][name]["mix_scale"].as_f64() else { return Ok(features) };
    let side = features.dim(1)?;
    let mix = Fill::new(&format!("input.{name}.mix")).values(side * side, 0.0, scale as f32);
    let mix = Tensor::from_vec(mix, (side, side), &Device::Cpu)?.to_dtype(DType::F64)?;
    Ok(features.matmul(&mix)?)
}
