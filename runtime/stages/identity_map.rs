//! The `identity_map` stage: how faces of unseen people lie to each other in an encoding, and a
//! picture of a few of them (paper Fig. 6).

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use ffrun_models::{codec::LatentCodec, stream::Stream};
use ffrun_reports::{
    chart::{Scatter, ScatterPoint},
    rows::Figure,
};

use super::{
    codec, device, drawn,
    evaluate::{Fitted, names},
    input,
    scores::{self, AnchorScore, Score},
    spec_of,
    stills::Stills,
    tensor_error,
};
use crate::{
    engine::{
        stage::Stage,
        work::{StageError, Work},
    },
    metrics::{
        FaceSet, neighbour,
        silhouette::silhouette,
        tsne::{Layout, plane_silhouette, tsne},
    },
    spec::IdentityMapSpec,
};

/// What scripts call the picture.
const NAME: &str = "identity_map";

/// Faces encoded at a time.
const BATCH: usize = 64;

/// Turn of the head whose tick is one long, degrees.
const WHOLE_TICK_DEG: f64 = 75.0;

/// Measures and writes `scores.csv`, `anchors.csv` and the picture.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: IdentityMapSpec = spec_of(stage)?;
    let stills = Stills::read(input(work, "faces")?)?;
    let device = device(&stage.class)?;
    let faces = if work.inputs.contains_key("fitted") {
        Fitted::read(input(work, "fitted")?, &device)?.embed(&stills, &device, work)?.faces
    } else {
        latents(&codec::any(work, &device)?, &stills)?
    };
    let chance = AnchorScore {
        label: "chance".to_owned(),
        metric: "identity_neighbour".to_owned(),
        value: neighbour::chance(&faces),
    };
    scores::write(&work.out.join(scores::ANCHORS), &[chance])?;
    measure(&spec, &faces, work)
}

/// Writes the scores and the picture.
fn measure(spec: &IdentityMapSpec, faces: &FaceSet, work: &Work<'_>) -> Result<(), StageError> {
    let own = silhouette(faces);
    let plane = Plane::new(spec, faces);
    let in_plane = plane_silhouette(&plane.places, &plane.person);
    let mut rows = by_person(faces, "identity_silhouette", &own);
    rows.extend(by_person(faces, "identity_neighbour", &neighbour::nearest_is_own(faces)));
    rows.extend(plane.by_person(faces, &in_plane));
    rows.retain(|score| spec.metrics.contains_key(&score.metric));
    scores::write(&work.out.join(scores::SCORES), &rows)?;
    let people = faces.names.len();
    let note = format!("silhouette {} here, {} of all {people}", mean(&in_plane), mean(&own));
    let figures = [(NAME.to_owned(), Figure::Scatter(plane.scatter(faces, note)))];
    drawn::write(&work.out, &BTreeMap::from(figures))
}

/// What a generator without an aligner is given of each face: the latent of its autoencoder, as a
/// single frame, less the mean over the faces.
fn latents(codec: &dyn LatentCodec, stills: &Stills) -> Result<FaceSet, StageError> {
    let all: Vec<usize> = (0..stills.len()).collect();
    let encode = || -> candle_core::Result<Tensor> {
        let rounds = all.chunks(BATCH).map(|batch| {
            let frames = stills.images(batch, &Device::Cpu)?.unsqueeze(2)?;
            codec.encode(&frames)?.flatten_from(1)
        });
        let rows = Tensor::cat(&rounds.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        rows.broadcast_sub(&rows.mean_keepdim(0)?)
    };
    let rows = encode().map_err(tensor_error)?;
    let width = rows.dim(1).map_err(tensor_error)?;
    let values = rows.flatten_all().and_then(|flat| flat.to_vec1()).map_err(tensor_error)?;
    Ok(FaceSet::new(values, width, &names(stills), stills.pose_deg.clone()))
}

/// A few people in a plane. Entry i of every list is one face.
struct Plane {
    faces: Vec<usize>,
    /// Who it is, counted among the few.
    person: Vec<usize>,
    places: Vec<[f64; 2]>,
}

impl Plane {
    fn new(spec: &IdentityMapSpec, faces: &FaceSet) -> Self {
        let mut stream = Stream::new(spec.draw, "identity_map/shown", 0);
        let mut people: Vec<usize> = (0..faces.names.len()).collect();
        stream.shuffle(&mut people);
        people.truncate(spec.people);
        people.sort_unstable();
        let (mut shown, mut person) = (Vec::new(), Vec::new());
        for (place, &who) in people.iter().enumerate() {
            let mut views: Vec<usize> =
                (0..faces.len()).filter(|&face| faces.person[face] == who).collect();
            // The same views of everybody: a new stream for each.
            Stream::new(spec.draw, "identity_map/views", 0).shuffle(&mut views);
            views.truncate(spec.views);
            person.extend(views.iter().map(|_| place));
            shown.append(&mut views);
        }
        let layout = Layout { perplexity: spec.perplexity, steps: spec.steps, seed: spec.draw };
        let vectors: Vec<&[f32]> = shown.iter().map(|&face| faces.vector(face)).collect();
        let places = tsne(&vectors, layout);
        Self { faces: shown, person, places }
    }

    /// Silhouettes of the few, by person.
    fn by_person(&self, faces: &FaceSet, of_face: &[Option<f64>]) -> Vec<Score> {
        let mut all = vec![None; faces.len()];
        for (&face, value) in self.faces.iter().zip(of_face) {
            all[face] = *value;
        }
        by_person(faces, "map_silhouette", &all)
    }

    fn scatter(&self, faces: &FaceSet, note: String) -> Scatter {
        let point = |(&face, place): (&usize, &[f64; 2])| {
            let [pitch, yaw, _] = faces.pose_deg[face].map(f64::from);
            ScatterPoint {
                x: place[0],
                y: place[1],
                group: faces.names[faces.person[face]].clone(),
                tick: [yaw / WHOLE_TICK_DEG, pitch / WHOLE_TICK_DEG],
            }
        };
        Scatter {
            label: String::new(),
            note,
            tick: "where the nose points, the longer the further".to_owned(),
            points: self.faces.iter().zip(&self.places).map(point).collect(),
        }
    }
}

fn by_person(faces: &FaceSet, metric: &str, of_face: &[Option<f64>]) -> Vec<Score> {
    let score = |(name, value): (String, f64)| Score {
        metric: metric.to_owned(),
        identity: Some(name),
        value,
    };
    faces.by_person(of_face).into_iter().map(score).collect()
}

/// The mean to two digits, with a true minus and without one before a zero.
fn mean(values: &[Option<f64>]) -> String {
    let all: Vec<f64> = values.iter().copied().flatten().collect();
    let hundredths = (100.0 * all.iter().sum::<f64>() / (all.len() as f64).max(1.0)).round() + 0.0;
    format!("{:.2}", hundredths / 100.0).replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::mean;

    #[test]
    fn means_are_written_as_a_reader_expects() {
        assert_eq!(mean(&[Some(-0.001), None]), "0.00");
        assert_eq!(mean(&[Some(-0.25), Some(-0.35)]), "−0.30");
    }
}
