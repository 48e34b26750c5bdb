//! The clip that fools Eq. 8: a head in profile that does not move.

use std::path::Path;

use ffrun_models::{
    pose_variation::{var_geodesic_deg, var_paper_deg},
    rotation::{Euler, Rotation, geodesic_angle},
};
use ffrun_reports::{
    rows::Figure,
    sheet::{GivenLine, GivenPoint},
    strip::{Strip, strips},
};
use image::RgbImage;

use super::{
    Figures,
    track::{Track, still, tracks},
};
use crate::{
    data::heads::{self, HeadsError},
    engine::{files, work::StageError},
    spec::{FacesSpec, FootageSpec},
};

/// The file of the frames, and what scripts call it and the angles.
const NAMES: [&str; 3] = ["still_profile.png", "still_profile", "still_profile_angles"];

/// Side of the drawn head in pixels.
const SIDE: usize = 128;

/// Frames shown.
const SHOWN: usize = 7;

/// The frames and the angles of the clip of the first person with the largest |yaw|; none without
/// still heads.
pub(super) fn figures(footage: &FootageSpec, seed: u64, out: &Path) -> Result<Figures, StageError> {
    let failed = |error: HeadsError| StageError::Failed(error.to_string());
    let yaws = footage.still_yaw_deg.iter().copied().enumerate();
    let Some((at, yaw_deg)) = yaws.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return Ok(Figures::new());
    };
    let alone = FootageSpec { identities: 1, ..footage.clone() };
    let own = tracks(&alone, seed).map_err(failed)?;
    let Some(track) = own.into_iter().find(|track| track.still_deg == Some(yaw_deg)) else {
        return Ok(Figures::new());
    };
    let pose = still(footage, (0, at), yaw_deg, seed).map_err(failed)?;
    let drawn = heads::stills_at(&portrait(footage), Some(&[pose])).map_err(failed)?;
    let pixels = drawn.stills.into_iter().next().map(|still| still.pixels).unwrap_or_default();
    let head = RgbImage::from_raw(SIDE as u32, SIDE as u32, pixels).unwrap_or_default();
    let png = strips(&[strip(&track, &head, yaw_deg)])
        .map_err(|error| StageError::Failed(error.to_string()))?;
    files::write_atomic(&out.join(NAMES[0]), &png)?;
    Ok(Figures::from([
        (NAMES[1].to_owned(), Figure::Picture { path: NAMES[0].into() }),
        (NAMES[2].to_owned(), angles(&track)),
    ]))
}

/// The first person of the footage, alone in a picture.
fn portrait(footage: &FootageSpec) -> FacesSpec {
    FacesSpec {
        split: footage.split.clone(),
        identities: 1,
        views: 1,
        size_px: SIDE,
        world: footage.world,
        yaw_deg: 0.0,
        yaw_least_deg: 0.0,
        pitch_deg: 0.0,
        roll_deg: 0.0,
        expression: 0.0,
        occlusion: 0.0,
        surroundings: "per_person".to_owned(),
        pose_grid: false,
    }
}

/// Frames at even distances with what the estimator says of each.
fn strip(track: &Track, head: &RgbImage, yaw_deg: f64) -> Strip {
    let last = track.estimated.len().saturating_sub(1);
    let frame = |place: usize| place * last / (SHOWN - 1);
    let picture = |place: usize| {
        let euler = track.estimated.get(frame(place)).copied().unwrap_or_default();
        let [pitch, yaw, roll] = euler.to_degrees().map(|angle| angle.round() as i64);
        let words = [("pitch", pitch), ("yaw", yaw), ("roll", roll)];
        let words = words.map(|(name, angle)| format!("{name} {angle}°").replace('-', "−"));
        (head.clone(), words.to_vec())
    };
    Strip {
        words: vec![
            format!("still, turned {yaw_deg}°"),
            format!("Var (Eq. 8) {:.0}°", var_paper_deg(&track.estimated)),
            format!("geodesic {:.0}°", var_geodesic_deg(&track.estimated)),
        ],
        pictures: (0..SHOWN.min(track.estimated.len())).map(picture).collect(),
    }
}

/// Each Euler angle as estimated, and the rotation away from the first frame.
fn angles(track: &Track) -> Figure {
    let line = |label: &str, of: &dyn Fn(&Euler) -> f64| GivenLine {
        label: label.to_owned(),
        points: track
            .estimated
            .iter()
            .enumerate()
            .map(|(frame, euler)| Some(GivenPoint { x: frame as f64, y: of(euler), band: None }))
            .collect(),
    };
    let first: Rotation = track.estimated.first().copied().unwrap_or_default().to_rotation();
    let away = |euler: &Euler| geodesic_angle(&first, &euler.to_rotation()).to_degrees();
    Figure::Lines {
        x: "frame".to_owned(),
        lines: vec![
            line("pitch, °", &|euler| euler.to_degrees()[0]),
            line("yaw, °", &|euler| euler.to_degrees()[1]),
            line("roll, °", &|euler| euler.to_degrees()[2]),
            line("rotation since frame 0, °", &away),
        ],
    }
}
