//! The `faces` stage: still images of people from the embedded heads.

use super::{
    picture, spec_of,
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
    let row = |person: usize| {
        (0..SHEET.1.min(views)).map(|view| stills.image(person * views + view)).collect()
    };
    let rows: Vec<Vec<&[u8]>> = (0..SHEET.0.min(stills.names.len())).map(row).collect();
    picture::grid(&rows, stills.size_px)
}
