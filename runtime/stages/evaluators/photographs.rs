//! The `photographs` stage: public networks on photographs of the user's.

use std::sync::atomic::Ordering;

use super::public::{by_person, cosine, find, person_of, reader};
use crate::{
    engine::{
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    metrics::{Trials, jackknife::pseudo_values, observation::FaceSeen},
    spec::AgreementSpec,
    stages::scores::{self, AnchorScore, Score},
    stages::spec_of,
    video::{Decoder, Ffmpeg},
    vision::FaceReader,
};

/// Names of the metrics by recogniser.
const BY_RECOGNISER: [&str; 2] = ["photo_auc_a", "photo_auc_b"];

/// Measures and writes `scores.csv` and `anchors.csv`.
pub(in crate::stages) fn look(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: AgreementSpec = spec_of(stage)?;
    let mut reader = reader(stage, &spec.networks, &work.known_files)?;
    let album = Album::seen(stage, &mut reader, work)?;
    let mut found = album.face_rates();
    let mut anchors = Vec::<AnchorScore>::new();
    for (metric, name) in BY_RECOGNISER.into_iter().zip(&spec.networks.recognisers) {
        found.extend(album.verified(metric, name));
        anchors.push(super::validity::anchor("chance", metric, 0.5));
    }
    found.retain(|score| spec.metrics.contains_key(&score.metric));
    anchors.retain(|anchor| spec.metrics.contains_key(&anchor.metric));
    scores::write(&work.out.join(scores::SCORES), &found)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors)
}

/// Photographs by person.
struct Album {
    people: Vec<String>,
    /// Of each photograph the person, and the face where one is found.
    seen: Vec<(usize, Option<FaceSeen>)>,
}

impl Album {
    fn seen(stage: &Stage, reader: &mut FaceReader, work: &Work<'_>) -> Result<Self, StageError> {
        let roles = stage.digests.keys();
        let photographs: Vec<(&String, &str)> =
            roles.filter_map(|role| Some((role, person_of(role)?))).collect();
        let (mut people, mut seen) = (Vec::<String>::new(), Vec::new());
        for (done, (role, person)) in photographs.iter().enumerate() {
            if work.stop.load(Ordering::SeqCst) {
                return Err(StageError::Interrupted);
            }
            // Roles are in order, so that a person's photographs follow each other.
            if people.last().map(String::as_str) != Some(person) {
                people.push((*person).to_owned());
            }
            seen.push((people.len() - 1, face(stage, role, (&mut *reader, work))?));
            let (done, total) = (done as u64 + 1, photographs.len() as u64);
            (work.progress)(Progress { done, total, note: "photographs".to_owned() });
        }
        Ok(Self { people, seen })
    }

    fn face_rates(&self) -> Vec<Score> {
        let rate = |person: usize| {
            let own = self.seen.iter().filter(|(of, _)| *of == person);
            let (all, found) = own.fold((0.0, 0.0), |(all, found), (_, face)| {
                (all + 1.0, found + f64::from(u8::from(face.is_some())))
            });
            found / all
        };
        let rates: Vec<f64> = (0..self.people.len()).map(rate).collect();
        by_person("photo_face_rate", self.people.iter().map(String::as_str), &rates)
    }

    /// AUC by a recogniser; nothing with too few people or photographs of one.
    fn verified(&self, metric: &str, recogniser: &str) -> Vec<Score> {
        let vector = |face: &Option<FaceSeen>| face.as_ref()?.embeddings.get(recogniser).cloned();
        let vectors: Vec<(usize, Vec<f32>)> =
            self.seen.iter().filter_map(|(person, face)| Some((*person, vector(face)?))).collect();
        let mut trials = Trials::default();
        for (at, (person, first)) in vectors.iter().enumerate() {
            for (other, second) in &vectors[at + 1..] {
                let like = cosine(first, second) as f32;
                trials.add(like, [*person, *other]);
            }
        }
        let trials = trials.ranked(self.people.len());
        let auc = |without: Option<usize>| trials.auc(without);
        let values = pseudo_values(self.people.len(), &auc).unwrap_or_default();
        by_person(metric, self.people.iter().map(String::as_str), &values)
    }
}

/// The face in a photograph.
fn face(
    stage: &Stage,
    role: &str,
    (reader, work): (&mut FaceReader, &Work<'_>),
) -> Result<Option<FaceSeen>, StageError> {
    let path = find(stage, role, &work.known_files)?;
    // A photograph of a film is its first frame.
    let ffmpeg = Ffmpeg::default();
    let clip = Decoder { ffmpeg: &ffmpeg, stop: work.stop }.open(&path)?;
    let seen = clip.sample(&|_| vec![0], &mut |_, picture| {
        reader.read(picture).map_err(|error| StageError::Failed(error.to_string()))
    })?;
    Ok(seen.seen.into_iter().find_map(|frame| frame.face))
}
