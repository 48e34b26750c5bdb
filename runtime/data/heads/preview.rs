//! Contact sheets: a look at the world before anything is trained on it.

use image::{Rgb, RgbImage, imageops};
use rayon::prelude::*;

use super::clip::clip;
use super::error::HeadsError;
use super::export::picture;
use super::family::Family;
use super::pose::Pose;
use super::still::{Still, stills, stills_at};
use crate::spec::{ClipSpec, FacesSpec};

/// White pixels between pictures.
const GAP: u32 = 2;

/// Poses of the sheet's first columns, degrees.
const TURNS: [(f32, f32, f32); 8] = [
    (0.0, 0.0, 0.0),
    (-30.0, 0.0, 0.0),
    (30.0, 0.0, 0.0),
    (-70.0, 0.0, 0.0),
    (70.0, 0.0, 0.0),
    (10.0, 28.0, 0.0),
    (-10.0, -28.0, 0.0),
    (20.0, 0.0, 20.0),
];

/// A sheet of stills: a row for each person; the first eight columns turn the head in one place,
/// the next two show expressions, the next two things in front of the face, the last four
/// random poses in other light, places and clothes.
pub fn preview_stills(spec: &FacesSpec) -> Result<RgbImage, HeadsError> {
    let turns = TURNS.map(|(yaw, pitch, roll)| Pose::new(yaw, pitch, roll));
    let calm = FacesSpec {
        surroundings: "per_person".into(),
        expression: 0.15,
        occlusion: 0.0,
        ..spec.clone()
    };
    let level = FacesSpec { yaw_deg: 25.0, pitch_deg: 8.0, roll_deg: 6.0, ..calm.clone() };
    let blocks = [
        stills_at(&calm, Some(&turns))?,
        stills(&FacesSpec { views: 2, expression: 1.0, ..level.clone() })?,
        stills(&FacesSpec { views: 2, occlusion: 1.0, ..level })?,
        stills(&FacesSpec {
            views: 4,
            surroundings: "per_view".into(),
            expression: 0.6,
            pose_grid: false,
            ..spec.clone()
        })?,
    ];
    let columns = blocks.iter().map(|block| block.views).sum();
    let mut sheet = Sheet::new(spec.identities, columns, spec.size_px);
    for person in 0..spec.identities {
        let row = blocks.iter().flat_map(|block| {
            block.stills[person * block.views..(person + 1) * block.views].iter()
        });
        sheet.row(person, row);
    }
    Ok(sheet.image)
}

/// A sheet of clips: a row for each family, a column for each of `spec.frames` frames; the person
/// is `spec.person` in the first row, the next one in the second, and so on.
pub fn preview_clips(spec: &ClipSpec) -> Result<RgbImage, HeadsError> {
    let clips: Result<Vec<_>, HeadsError> = Family::ALL
        .into_par_iter()
        .enumerate()
        .map(|(row, family)| {
            let family = family.name().to_owned();
            clip(&ClipSpec { family, person: spec.person + row, ..spec.clone() })
        })
        .collect();
    let clips = clips?;
    let mut sheet = Sheet::new(clips.len(), spec.frames, spec.size_px);
    for (row, clip) in clips.iter().enumerate() {
        sheet.row(row, clip.frames.iter());
    }
    Ok(sheet.image)
}

struct Sheet {
    size_px: usize,
    image: RgbImage,
}

impl Sheet {
    fn new(rows: usize, columns: usize, size_px: usize) -> Self {
        let along = |count: usize| count as u32 * (size_px as u32 + GAP) + GAP;
        let image = RgbImage::from_pixel(along(columns), along(rows), Rgb([255; 3]));
        Self { size_px, image }
    }

    fn row<'a>(&mut self, row: usize, stills: impl Iterator<Item = &'a Still>) {
        let step =
            |index: usize| i64::from(GAP) + index as i64 * (self.size_px as i64 + i64::from(GAP));
        for (column, still) in stills.enumerate() {
            let (x, y) = (step(column), step(row));
            imageops::replace(&mut self.image, &picture(still, self.size_px), x, y);
        }
    }
}
