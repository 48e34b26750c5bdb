//! Goldens of rotations (6D → matrix → Euler angles) and of pose variation (Eq. 8).

use candle_core::{Device, Tensor};
use ffrun_models::pose_variation::{qualifies, var_paper_deg};
use ffrun_models::rotation::{Euler, Rotation, rotation_from_6d};
use serde_json::Value;

use super::case::{Case, floats, numbers, text};
use super::check::Check;
use super::fill::Fill;
use super::{Kind, Result};

/// 6D → matrix → Euler angles.
pub(super) const ROTATION: Kind =
    Kind { name: "rotation", recognises: |case| case.has("/inputs", "ortho6d"), run: run_rotation };

/// Pose variation, Eq. 8.
pub(super) const VARIATION: Kind = Kind {
    name: "pose variation",
    recognises: |case| case.has("/expected", "tracks") || case.has("/expected", "hand"),
    run: run_variation,
};

/// Rotations of random, special and degenerate inputs.
fn run_rotation(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for name in case.outputs() {
        if name == "special_euler_deg_f32" {
            checks.extend(special_angles(case, name)?);
            continue;
        }
        let rows = match name {
            "rotation" => map_rows(case, "ortho6d", |v: [f64; 6]| flat(&rotation_from_6d(v)))?,
            "degenerate_rotation" => {
                map_rows(case, "degenerate6d", |v: [f64; 6]| flat(&rotation_from_6d(v)))?
            }
            "euler_rad" => map_rows(case, "ortho6d", |v: [f64; 6]| euler(v).to_array().to_vec())?,
            "euler_deg" => map_rows(case, "ortho6d", |v: [f64; 6]| euler(v).to_degrees().to_vec())?,
            "special_R_f64" => map_rows(case, "special_angles_deg", |angles: [f64; 3]| {
                flat(&Euler::from_degrees(angles).to_rotation())
            })?,
            _ => return Err(format!("unknown output `{name}`").into()),
        };
        let shape = case.stored(&format!("out.{name}"))?.shape().clone();
        checks.extend(case.check(name, &Tensor::from_vec(rows.concat(), shape, &Device::Cpu)?)?);
    }
    Ok(checks)
}

/// Angles → matrix → angles. Near gimbal lock pitch and roll are not unique (and the reference,
/// in f32, may take either branch), so there the matrices of the angles are compared.
fn special_angles(case: &Case, name: &str) -> Result<Vec<Check>> {
    let found = map_rows(case, "special_angles_deg", |angles: [f64; 3]| {
        Euler::from_rotation(&Euler::from_degrees(angles).to_rotation()).to_degrees().to_vec()
    })?;
    let expected = numbers(case.stored(&format!("out.{name}"))?)?;
    let tolerance = case.tolerance(name);
    let locked = floats(&tolerance.0["except_rows_near_gimbal_lock"]);
    let matrix = |angles: &[f64]| {
        flat(&Euler::from_degrees([angles[0], angles[1], angles[2]]).to_rotation())
    };
    let mut checks = vec![];
    for (row, (found, expected)) in found.iter().zip(expected.chunks(3)).enumerate() {
        let what = format!("{name} row {row}");
        checks.extend(if locked.contains(&(row as f64)) {
            tolerance.compare(&format!("{what} as a matrix"), &matrix(found), &matrix(expected))
        } else {
            tolerance.compare(&what, found, expected)
        });
    }
    Ok(checks)
}

/// Eq. 8 on filled tracks and on tracks written by hand.
fn run_variation(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for track in case.list("/expected/tracks")? {
        let frames = track["n"].as_u64().ok_or("no `n`")? as usize;
        let offset = track["offset"].as_f64().unwrap_or(0.0) as f32;
        let scale = track["scale"].as_f64().ok_or("no `scale`")? as f32;
        let name = text(track, "fill_name")?;
        let values = Fill::new(name).values(frames * 3, offset, scale);
        let eulers: Vec<Euler> = values
            .chunks(3)
            .map(|row| Euler::from_degrees([0, 1, 2].map(|i| f64::from(row[i]))))
            .collect();
        checks.extend(variation(case, name, &eulers, track)?);
    }
    for (at, track) in case.list("/expected/hand")?.iter().enumerate() {
        let axes = ["pitch", "yaw", "roll"].map(|axis| floats(&track[axis]));
        let eulers: Vec<Euler> = (0..axes[0].len())
            .map(|frame| Euler::from_degrees([axes[0][frame], axes[1][frame], axes[2][frame]]))
            .collect();
        checks.extend(variation(case, &format!("hand {at}"), &eulers, track)?);
    }
    Ok(checks)
}

fn variation(case: &Case, what: &str, eulers: &[Euler], track: &Value) -> Result<Vec<Check>> {
    let found = var_paper_deg(eulers);
    let expected = track["var"].as_f64().ok_or("no `var`")?;
    let mut checks = case.check_number(what, found, expected);
    let qualified = track["qualified"].as_bool().ok_or("no `qualified`")?;
    checks.push(Check::exact(format!("{what} qualified"), qualifies(found) == qualified));
    Ok(checks)
}

fn euler(v: [f64; 6]) -> Euler {
    Euler::from_rotation(&rotation_from_6d(v))
}

fn flat(rotation: &Rotation) -> Vec<f64> {
    rotation.concat()
}

fn map_rows<const N: usize>(
    case: &Case,
    input: &str,
    f: impl Fn([f64; N]) -> Vec<f64>,
) -> Result<Vec<Vec<f64>>> {
    let values = numbers(&case.input(input)?)?;
    values.chunks(N).map(|row| Ok(f(row.try_into()?))).collect()
}
