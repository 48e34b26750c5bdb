//! The `agreement` stage: an evaluator beside public networks on the same renderings.

use ffrun_models::{
    eval::picture::Picture,
    rotation::{Euler, geodesic_angle},
};

use super::{
    Evaluator, measuring,
    public::{by_person, cosine, reader},
    validity::{Rows, anchor},
};
use crate::{
    engine::{
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    metrics::{agreement::rank_correlation, jackknife::pseudo_values, observation::FaceSeen},
    spec::AgreementSpec,
    stages::{
        device, input, model_error,
        scores::{self, Score},
        spec_of,
        stills::Stills,
        tensor_error,
    },
    vision::FaceReader,
};

/// Names of the metrics by recogniser.
const BY_RECOGNISER: [&str; 2] = ["agreement_a", "agreement_b"];

/// Measures and writes `scores.csv` and `anchors.csv`.
pub(in crate::stages) fn agree(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: AgreementSpec = spec_of(stage)?;
    let evaluator = Evaluator::read(input(work, "evaluator")?, &device(&stage.class)?)?;
    let stills = Stills::read(input(work, "faces")?)?;
    let mut reader = reader(stage, &spec.networks, &work.known_files)?;
    let faces = Faces::seen(&stills, &mut reader, work)?;
    let (mut found, mut anchors) = match evaluator.spec.measures.as_str() {
        "pose" => faces.poses(&evaluator)?,
        _ => faces.identities(&evaluator, &spec.networks.recognisers)?,
    };
    found.extend(faces.found());
    found.retain(|score| spec.metrics.contains_key(&score.metric));
    anchors.retain(|anchor| spec.metrics.contains_key(&anchor.metric));
    scores::write(&work.out.join(scores::SCORES), &found)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors)
}

/// Renderings in which the public networks see a face.
struct Faces<'a> {
    stills: &'a Stills,
    /// Place among the stills, and what was seen there.
    seen: Vec<(usize, FaceSeen)>,
}

impl<'a> Faces<'a> {
    fn seen(
        stills: &'a Stills,
        reader: &mut FaceReader,
        work: &Work<'_>,
    ) -> Result<Self, StageError> {
        let mut seen = Vec::new();
        for at in 0..stills.len() {
            if work.stop.load(std::sync::atomic::Ordering::SeqCst) {
                return Err(StageError::Interrupted);
            }
            let picture = Picture::new([stills.size_px; 2], stills.image(at).to_vec());
            let frame = reader.read(&picture.map_err(model_error)?);
            let frame = frame.map_err(|error| StageError::Failed(error.to_string()))?;
            seen.extend(frame.face.map(|face| (at, face)));
            let (done, total) = (at as u64 + 1, stills.len() as u64);
            (work.progress)(Progress { done, total, note: "renderings".to_owned() });
        }
        if seen.is_empty() {
            let reason = "the public detector finds no face in any rendering".to_owned();
            return Err(StageError::Failed(reason));
        }
        Ok(Self { stills, seen })
    }

    /// Rank correlations of similarities with those of each recogniser, and of theirs with each
    /// other.
    fn identities(&self, evaluator: &Evaluator, names: &[String]) -> Result<Rows, StageError> {
        let vectors = measuring::recognise(evaluator, &self.pixels(), self.stills.size_px)?;
        let vectors = vectors.to_vec2::<f32>().map_err(tensor_error)?;
        let ours = self.similarities(&vectors);
        let none = Vec::new();
        let public: Vec<Vec<f64>> = names
            .iter()
            .map(|name| {
                let vector =
                    |(_, face): &(_, FaceSeen)| face.embeddings.get(name).unwrap_or(&none).clone();
                self.similarities(&self.seen.iter().map(vector).collect::<Vec<_>>())
            })
            .collect();
        let (mut found, mut anchors) = (Vec::new(), Vec::new());
        for (metric, theirs) in BY_RECOGNISER.into_iter().zip(&public) {
            let without = |person| self.correlation(&ours, theirs, person);
            let values = pseudo_values(self.stills.names.len(), &without).unwrap_or_default();
            found.extend(by_person(metric, self.stills.names.iter().map(String::as_str), &values));
            if let [a, b] = &public[..] {
                let among = self.correlation(a, b, None);
                anchors.extend(among.map(|value| anchor("A and B with each other", metric, value)));
            }
        }
        Ok((found, anchors))
    }

    /// Mean angles between what both estimators read, by person; and how far the public one is from
    /// the truth.
    fn poses(&self, evaluator: &Evaluator) -> Result<Rows, StageError> {
        let ours = measuring::pose(evaluator, &self.pixels(), self.stills.size_px)?;
        let mut by_person_deg = vec![Vec::new(); self.stills.names.len()];
        let mut from_truth = Vec::new();
        let truth = self.stills.rotations();
        for ((at, face), ours) in self.seen.iter().zip(&ours) {
            let Some(theirs) = face.pitch_yaw_roll_deg else { continue };
            let theirs = Euler::from_degrees(theirs).to_rotation();
            let angle = geodesic_angle(&theirs, &ours.rotation).to_degrees();
            by_person_deg[self.person(*at)].push(angle);
            from_truth.push(geodesic_angle(&theirs, &truth[*at]).to_degrees());
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let metric = "agreement_pose";
        let people = self.stills.names.iter().zip(&by_person_deg);
        let found = people.filter(|(_, angles)| !angles.is_empty()).map(|(name, angles)| Score {
            metric: metric.to_owned(),
            identity: Some(name.clone()),
            value: mean(angles),
        });
        let found = found.collect();
        if from_truth.is_empty() {
            return Ok((found, Vec::new()));
        }
        let floor = anchor("public estimator and true pose", metric, mean(&from_truth));
        Ok((found, vec![floor]))
    }

    /// Share of each person's renderings with a face.
    fn found(&self) -> Vec<Score> {
        let mut counts = vec![[0.0_f64; 2]; self.stills.names.len()];
        (0..self.stills.len()).for_each(|at| counts[self.person(at)][1] += 1.0);
        self.seen.iter().for_each(|(at, _)| counts[self.person(*at)][0] += 1.0);
        let shares: Vec<f64> = counts.iter().map(|[seen, all]| seen / all.max(1.0)).collect();
        by_person("agreement_faces", self.stills.names.iter().map(String::as_str), &shares)
    }

    fn person(&self, at: usize) -> usize {
        self.stills.person[at] as usize
    }

    fn pixels(&self) -> Vec<u8> {
        self.seen.iter().flat_map(|(at, _)| self.stills.image(*at)).copied().collect()
    }

    /// Cosines of all pairs of faces, in the order of [`Self::pairs`].
    fn similarities(&self, vectors: &[Vec<f32>]) -> Vec<f64> {
        self.pairs().map(|(i, j)| cosine(&vectors[i], &vectors[j])).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let count = self.seen.len();
        (0..count).flat_map(move |i| (i + 1..count).map(move |j| (i, j)))
    }

    /// Rank correlation over the pairs that do not show `without`.
    fn correlation(&self, a: &[f64], b: &[f64], without: Option<usize>) -> Option<f64> {
        let shows = |at: usize| Some(self.person(self.seen[at].0)) == without;
        let kept = self.pairs().zip(a.iter().zip(b)).filter(|((i, j), _)| !shows(*i) && !shows(*j));
        let (a, b): (Vec<f64>, Vec<f64>) = kept.map(|(_, (a, b))| (*a, *b)).unzip();
        rank_correlation(&a, &b)
    }
}
