//! The `dictionary` stage: which entries of a trained dictionary are active in which pose, with
//! example faces (paper Fig. 7).

use std::collections::BTreeMap;

use ffrun_models::stream::Stream;
use ffrun_reports::{
    chart::{Matrix, MatrixRow},
    rows::Figure,
    strip::{Strip, strips},
};
use image::RgbImage;

use super::{
    device, drawn,
    evaluate::Fitted,
    input,
    scores::{self, AnchorScore, Score},
    spec_of,
    stills::Stills,
    tensor_error,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{StageError, Work},
    },
    metrics::{
        FaceSet,
        association::{Activations, Entry},
        pose_bins::{POSE_BINS, PoseBin},
    },
    spec::DictionarySpec,
};

/// What scripts call the table of shares, and the file and name of the example faces.
const NAMES: [&str; 3] = ["pose_entries", "pose_faces.png", "pose_faces"];

/// Measures and writes `scores.csv`, `anchors.csv`, the table of shares and the faces.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: DictionarySpec = spec_of(stage)?;
    let stills = posed(Stills::read(input(work, "faces")?)?)?;
    let device = device(&stage.class)?;
    let embedded = Fitted::read(input(work, "fitted")?, &device)?.embed(&stills, &device, work)?;
    let elements = embedded.weights.dim(1).map_err(tensor_error)?;
    let weights: Vec<f32> =
        embedded.weights.flatten_all().and_then(|flat| flat.to_vec1()).map_err(tensor_error)?;
    let bins = stills.pose_deg.iter().filter_map(|pose| PoseBin::of(*pose)).collect();
    let person = embedded.faces.person.clone();
    let activations = Activations::new(&weights, elements, bins, person);

    measure(&spec, &activations, &embedded.faces, work)?;
    let entries = activations.entries(spec.entries);
    let faces = examples(&stills, &activations, &entries, spec.faces)?;
    files::write_atomic(&work.out.join(NAMES[1]), &faces)?;
    let figures = [
        (NAMES[0].to_owned(), Figure::Matrix(matrix(&entries))),
        (NAMES[2].to_owned(), Figure::Picture { path: NAMES[1].into() }),
    ];
    drawn::write(&work.out, &BTreeMap::from(figures))
}

/// Writes scores and floors.
fn measure(
    spec: &DictionarySpec,
    activations: &Activations,
    faces: &FaceSet,
    work: &Work<'_>,
) -> Result<(), StageError> {
    let told = activations.information();
    let floor = activations.shuffled_information();
    let excess: Vec<f64> = told.iter().zip(&floor).map(|(told, floor)| told - floor).collect();
    let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    let by_person = |metric: &str, of_face: &[Option<f64>]| {
        let people = faces.by_person(of_face).into_iter();
        people.map(|(name, value)| score(metric, name, value)).collect::<Vec<_>>()
    };
    let mut rows = by_person("entry_pose_information", &some(&told));
    rows.extend(by_person("entry_pose_excess", &some(&excess)));
    let gaps = faces.names.iter().zip(activations.gaps());
    rows.extend(gaps.filter_map(|(name, gap)| Some(score("entry_pose_gap", name.clone(), gap?))));
    rows.retain(|score| spec.metrics.contains_key(&score.metric));
    scores::write(&work.out.join(scores::SCORES), &rows)?;
    let mean = floor.iter().sum::<f64>() / (floor.len() as f64).max(1.0);
    let floors = [
        anchor("entry_pose_information", mean),
        anchor("entry_pose_excess", 0.0),
        anchor("entry_pose_gap", 0.0),
    ];
    scores::write(&work.out.join(scores::ANCHORS), &floors)
}

/// The faces that lie in one of the five poses.
fn posed(stills: Stills) -> Result<Stills, StageError> {
    let kept: Vec<usize> =
        (0..stills.len()).filter(|&face| PoseBin::of(stills.pose_deg[face]).is_some()).collect();
    let missing =
        POSE_BINS.iter().find(|bin| !kept.iter().any(|&face| bin.holds(stills.pose_deg[face])));
    if let Some(bin) = missing {
        return Err(StageError::Failed(format!(
            "no face is in the pose `{}` ({}); give the stills larger `yaw_deg` and `pitch_deg`, or \
             more `views`",
            bin.name,
            bin.words()
        )));
    }
    Ok(Stills {
        size_px: stills.size_px,
        pixels: kept.iter().flat_map(|&face| stills.image(face).to_vec()).collect(),
        pose_deg: kept.iter().map(|&face| stills.pose_deg[face]).collect(),
        person: kept.iter().map(|&face| stills.person[face]).collect(),
        names: stills.names,
    })
}

fn score(metric: &str, identity: String, value: f64) -> Score {
    Score { metric: metric.to_owned(), identity: Some(identity), value }
}

fn anchor(metric: &str, value: f64) -> AnchorScore {
    AnchorScore { label: "shuffled".to_owned(), metric: metric.to_owned(), value }
}

/// Rows of entries by the pose they were chosen for, columns of poses.
fn matrix(entries: &[Entry]) -> Matrix {
    let row = |entry: &Entry| MatrixRow {
        group: POSE_BINS[entry.bin].name.to_owned(),
        name: format!("#{}", entry.element),
        shares: entry.shares.clone(),
    };
    Matrix {
        label: String::new(),
        columns: POSE_BINS.map(|bin| bin.name.to_owned()).to_vec(),
        rows: entries.iter().map(row).collect(),
    }
}

/// Of each pose the faces, of different people, that its entries are most active on: people who had
/// no say in the choice of the entries.
fn examples(
    stills: &Stills,
    activations: &Activations,
    entries: &[Entry],
    most: usize,
) -> Result<Vec<u8>, StageError> {
    let mut order: Vec<usize> =
        (0..stills.len()).filter(|&face| activations.person[face] % 2 == 1).collect();
    Stream::new(0, "dictionary/examples", 0).shuffle(&mut order);
    let strip = |(at, bin): (usize, &PoseBin)| {
        let own: Vec<usize> =
            entries.iter().filter(|entry| entry.bin == at).map(|entry| entry.element).collect();
        let active =
            |face: usize| own.iter().filter(|&&element| activations.active(face, element)).count();
        let mut faces: Vec<usize> =
            order.iter().copied().filter(|&face| activations.bin[face] == at).collect();
        faces.sort_by_key(|&face| std::cmp::Reverse(active(face)));
        let mut seen = Vec::new();
        faces.retain(|&face| {
            let new = !seen.contains(&activations.person[face]);
            seen.push(activations.person[face]);
            new
        });
        let side = stills.size_px as u32;
        let picture = |&face: &usize| {
            let pixels = RgbImage::from_raw(side, side, stills.image(face).to_vec());
            let words = format!("{} of {} active", active(face), own.len());
            (pixels.unwrap_or_default(), vec![words])
        };
        let named: Vec<String> = own.iter().map(|element| format!("#{element}")).collect();
        Strip {
            words: vec![bin.name.to_owned(), bin.words(), named.join(", ")],
            pictures: faces.iter().take(most).map(picture).collect(),
        }
    };
    let all: Vec<Strip> = POSE_BINS.iter().enumerate().map(strip).collect();
    strips(&all).map_err(|error| StageError::Failed(error.to_string()))
}
