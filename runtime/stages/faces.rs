//! The `faces` stage: still images of people from the embedded heads.

use image::{RgbImage, imageops};

use super::{
    spec_of,
    stills::{self, Stills},
};
use crate::{
    data::heads::{self, HeadsError},
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::FacesSpec,
};

/// People and views on the contact sheet of a result.
const SHEET: (usize, usize) = (8, 12);

/// Renders and writes the stills, their labels and a contact sheet.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: FacesSpec = spec_of(stage)?;
    let total = (spec.identities * spec.views) as u64;
    (work.progress)(Progress { done: 0, total, note: "rendering".to_owned() });
    let failed = |error: HeadsError| StageError::Failed(error.to_string());
    let faces = heads::stills(&spec).map_err(failed)?;
    (work.progress)(Progress { done: total, total, note: "writing".to_owned() });
    let labels = heads::labels_csv(&faces).map_err(failed)?;
    let stills = collect(&spec, faces.stills);
    stills.write(&work.out.join(stills::FILE))?;
    files::write_atomic(&work.out.join("labels.csv"), &labels)?;
    files::write_atomic(&work.out.join("sheet.png"), &sheet(&stills, spec.views)?)?;
    Ok(())
}

fn collect(spec: &FacesSpec, rendered: Vec<heads::Still>) -> Stills {
    let mut stills = Stills {
        size_px: spec.size_px,
        pixels: Vec::with_capacity(rendered.len() * spec.size_px * spec.size_px * 3),
        pose_deg: Vec::new(),
        person: Vec::new(),
        names: Vec::new(),
    };
    for still in rendered {
        let label = still.label;
        if stills.names.last() != Some(&label.identity) {
            stills.names.push(label.identity);
        }
        stills.person.push(stills.names.len() as u32 - 1);
        stills.pose_deg.push([label.pitch_deg, label.yaw_deg, label.roll_deg]);
        stills.pixels.extend_from_slice(&still.pixels);
    }
    stills
}

/// The first people, one row each, the first views of each.
fn sheet(stills: &Stills, views: usize) -> Result<Vec<u8>, StageError> {
    let side = stills.size_px as u32;
    let rows = SHEET.0.min(stills.names.len());
    let columns = SHEET.1.min(views);
    let mut canvas = RgbImage::from_pixel(
        (side + 2) * columns as u32,
        (side + 2) * rows as u32,
        image::Rgb([255; 3]),
    );
    for row in 0..rows {
        for column in 0..columns {
            let bytes = stills.image(row * views + column).to_vec();
            if let Some(tile) = RgbImage::from_raw(side, side, bytes) {
                let (x, y) = (column as u32 * (side + 2) + 1, row as u32 * (side + 2) + 1);
                imageops::replace(&mut canvas, &tile, i64::from(x), i64::from(y));
            }
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    canvas
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|error| StageError::Failed(format!("cannot encode the contact sheet: {error}")))?;
    Ok(png.into_inner())
}
