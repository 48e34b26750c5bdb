//! The `evaluate` stage: a trained aligner on the faces of people it has never seen.

use candle_core::{Device, Tensor};
use ffrun_models::{checkpoint::decode, params::Params};

use super::{
    build::{Built, build},
    device, input, model_error,
    scores::{self, AnchorScore, Score},
    spec_of,
    stills::Stills,
    tensor_error, train,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    metrics::{
        FaceSet,
        catalogue::top1_of_bin,
        contrastive::{self, Draws},
        probe, retrieval, silhouette, usage,
    },
    spec::{MeasureSpec, TrainSpec},
};

/// Faces embedded at a time.
const BATCH: usize = 64;

/// Independent draws of pairs that the loss on unseen people is averaged over.
const LOSS_DRAWS: u64 = 16;

/// Measures and writes `scores.csv` and `anchors.csv`.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: MeasureSpec = spec_of(stage)?;
    let stills = Stills::read(input(work, "faces")?)?;
    let device = device(&stage.class)?;
    let fitted = Fitted::read(input(work, "fitted")?, &device)?;
    let embedded = fitted.embed(&stills, &device, work)?;
    let measured = Measured { spec: &spec, embedded: &embedded };
    let mut scores = measured.by_face();
    scores.extend(measured.loss(fitted.logit_scale()?));
    scores.extend(measured.whole_model()?);
    scores.retain(|score| spec.metrics.contains_key(&score.metric));
    if let Some(bad) = scores.iter().find(|score| !score.value.is_finite()) {
        return Err(StageError::Failed(format!(
            "`{}` of this model is {}; its training has diverged",
            bad.metric, bad.value
        )));
    }
    scores::write(&work.out.join(scores::SCORES), &scores)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors(&stills, &measured))
}

/// A trained aligner, read back.
pub(super) struct Fitted {
    built: Built,
    /// Steps it was trained for: they set the temperature.
    steps: u64,
}

impl Fitted {
    /// Reads the result of a `train` stage.
    pub(super) fn read(folder: &std::path::Path, device: &Device) -> Result<Self, StageError> {
        let path = folder.join(train::MODEL);
        let unreadable = |reason: String| {
            StageError::Failed(format!(
                "`{}` cannot be read: {reason}; `ffrun fsck --repair` moves it aside",
                path.display()
            ))
        };
        let bytes =
            files::read_optional(&path)?.ok_or_else(|| unreadable("it is missing".into()))?;
        let stage: Stage =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let spec: TrainSpec = spec_of(&stage)?;
        let start = (spec.seed, spec.schedule.logit_scale);
        let built = build(&spec.model, &stage.code, Params::frozen(device), start)?;
        let weights = files::read_optional(&folder.join(train::WEIGHTS))?
            .ok_or_else(|| unreadable(format!("`{}` is missing beside it", train::WEIGHTS)))?;
        let weights = decode(&weights, device).map_err(model_error)?;
        built.params.load(&weights).map_err(model_error)?;
        Ok(Self { built, steps: spec.schedule.steps })
    }

    fn logit_scale(&self) -> Result<f64, StageError> {
        self.built.logit_scale.to_scalar::<f32>().map(f64::from).map_err(tensor_error)
    }

    /// W and S of every face.
    pub(super) fn embed(
        &self,
        stills: &Stills,
        device: &Device,
        work: &Work<'_>,
    ) -> Result<Embedded, StageError> {
        let faces: Vec<usize> = (0..stills.len()).collect();
        let (mut weights, mut shared) = (Vec::new(), Vec::new());
        for batch in faces.chunks(BATCH) {
            let output = || {
                let images = stills.images(batch, device)?;
                let eulers = stills.eulers(batch, device)?;
                self.built.aligner.forward(&images, &eulers, self.steps)
            };
            let output = output().map_err(tensor_error)?;
            weights.push(output.weights_bc.detach());
            shared.push(output.shared_bd.detach());
            let done = batch.last().map_or(0, |last| last + 1) as u64;
            let total = stills.len() as u64;
            (work.progress)(Progress { done, total, note: "faces embedded".to_owned() });
        }
        Embedded::new(stills, &weights, &shared).map_err(tensor_error)
    }
}

/// Every unseen face in both representations.
pub(super) struct Embedded {
    /// W, `[N, C]`.
    pub(super) weights: Tensor,
    shared: Tensor,
    /// S with people and poses.
    pub(super) faces: FaceSet,
}

impl Embedded {
    fn new(stills: &Stills, weights: &[Tensor], shared: &[Tensor]) -> candle_core::Result<Self> {
        let cpu = Device::Cpu;
        let weights = Tensor::cat(weights, 0)?.to_device(&cpu)?;
        let shared = Tensor::cat(shared, 0)?.to_device(&cpu)?;
        let values: Vec<f32> = shared.flatten_all()?.to_vec1()?;
        let width = shared.dim(1)?;
        let faces = FaceSet::new(values, width, &names(stills), stills.pose_deg.clone());
        Ok(Self { weights, shared, faces })
    }
}

/// Who is on each face.
pub(super) fn names(stills: &Stills) -> Vec<String> {
    let name = |&person: &u32| stills.names.get(person as usize).cloned().unwrap_or_default();
    stills.person.iter().map(name).collect()
}

struct Measured<'a> {
    spec: &'a MeasureSpec,
    embedded: &'a Embedded,
}

impl Measured<'_> {
    /// Metrics that every face has its own value of.
    fn by_face(&self) -> Vec<Score> {
        let faces = &self.embedded.faces;
        let found = retrieval::retrieve(faces, self.spec.gallery_deg);
        let top1: Vec<_> = found.iter().map(|found| found.map(|found| found.top1)).collect();
        let map: Vec<_> =
            found.iter().map(|found| found.map(|found| found.average_precision)).collect();
        let mut scores = by_person(faces, "retrieval_top1", &top1);
        scores.extend(by_person(faces, "retrieval_map", &map));
        scores.extend(by_person(faces, "silhouette", &silhouette::silhouette(faces)));
        let mut low = 0.0;
        for &high in &self.spec.yaw_bins_deg {
            let inside = |yaw: f32| {
                let yaw = f64::from(yaw.abs());
                yaw <= high && (yaw > low || low == 0.0)
            };
            let binned: Vec<_> = top1
                .iter()
                .zip(&faces.pose_deg)
                .map(|(top1, pose)| top1.filter(|_| inside(pose[1])))
                .collect();
            scores.extend(by_person(faces, &top1_of_bin(low, high), &binned));
            low = high;
        }
        scores
    }

    fn loss(&self, logit_scale: f64) -> Vec<Score> {
        let draws = Draws { pairs: self.spec.pairs, draws: LOSS_DRAWS, logit_scale };
        contrastive::pia_terms(&self.embedded.faces, &draws)
            .into_iter()
            .map(|(identity, value)| score("pia_loss", Some(identity), value))
            .collect()
    }

    /// Metrics of the model as a whole.
    fn whole_model(&self) -> Result<Vec<Score>, StageError> {
        let faces = &self.embedded.faces;
        let angle = |axis: usize| faces.pose_deg.iter().map(|pose| f64::from(pose[axis])).collect();
        let targets: [Vec<f64>; 2] = [angle(1), angle(0)];
        let fold: Vec<usize> = faces.person.iter().map(|person| person % 2).collect();
        let read =
            |features: &Tensor| probe::pose_r2(features, &targets, &fold).map_err(tensor_error);
        let weights = &self.embedded.weights;
        let elements = weights.dim(1).map_err(tensor_error)?;
        let values: Vec<f32> =
            weights.flatten_all().and_then(|flat| flat.to_vec1()).map_err(tensor_error)?;
        let usage = usage::usage(&values, elements);
        Ok(vec![
            score("pose_r2_w", None, read(weights)?),
            score("pose_r2_s", None, read(&self.embedded.shared)?),
            score("dictionary_entropy", None, usage.entropy),
            score("dictionary_effective", None, usage.effective),
            score("dictionary_dead", None, usage.dead),
        ])
    }
}

fn score(metric: &str, identity: Option<String>, value: f64) -> Score {
    Score { metric: metric.to_owned(), identity, value }
}

fn by_person(faces: &FaceSet, metric: &str, of_face: &[Option<f64>]) -> Vec<Score> {
    let people = faces.by_person(of_face).into_iter();
    people.map(|(name, value)| score(metric, Some(name), value)).collect()
}

/// Floors: what knows nothing, and what knows only pixels. The ceiling of a share is 1.
fn anchors(stills: &Stills, measured: &Measured<'_>) -> Vec<AnchorScore> {
    let faces = &measured.embedded.faces;
    let gallery_deg = measured.spec.gallery_deg;
    let anchor = |label: &str, metric: &str, value: f64| AnchorScore {
        label: label.to_owned(),
        metric: metric.to_owned(),
        value,
    };
    let people = contrastive::people_per_draw(faces, measured.spec.pairs) as f64;
    let mut anchors = vec![
        anchor("chance", "retrieval_top1", retrieval::chance_top1(faces, gallery_deg)),
        anchor("chance", "pia_loss", 2.0 * people.ln()),
        anchor("ceiling", "retrieval_top1", 1.0),
        anchor("ceiling", "retrieval_map", 1.0),
    ];
    let pixels = raw_pixels(stills);
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / (values.len() as f64).max(1.0);
    let found: Vec<_> = retrieval::retrieve(&pixels, gallery_deg).into_iter().flatten().collect();
    let top1 = mean(found.iter().map(|found| found.top1).collect());
    let map = mean(found.iter().map(|found| found.average_precision).collect());
    let apart = mean(silhouette::silhouette(&pixels).into_iter().flatten().collect());
    anchors.push(anchor("raw pixels", "retrieval_top1", top1));
    anchors.push(anchor("raw pixels", "retrieval_map", map));
    anchors.push(anchor("raw pixels", "silhouette", apart));
    anchors.retain(|anchor| measured.spec.metrics.contains_key(&anchor.metric));
    anchors
}

/// The images themselves as embedding, averaged down to 16 × 16 and centred: the floor that any
/// learnt representation has to beat.
fn raw_pixels(stills: &Stills) -> FaceSet {
    const SIDE: usize = 16;
    let cell = (stills.size_px / SIDE).max(1);
    let side = (stills.size_px / cell).min(SIDE);
    let width = side * side * 3;
    let mut values = vec![0f32; stills.len() * width];
    for (i, row) in values.chunks_exact_mut(width).enumerate() {
        let image = stills.image(i);
        for (at, sum) in row.iter_mut().enumerate() {
            let (y, x, channel) = (at / 3 / side, at / 3 % side, at % 3);
            for pixel in 0..cell * cell {
                let (dy, dx) = (pixel / cell, pixel % cell);
                let place = (y * cell + dy) * stills.size_px + x * cell + dx;
                *sum += f32::from(image[place * 3 + channel]) / (cell * cell) as f32;
            }
        }
    }
    let faces = stills.len().max(1) as f32;
    for at in 0..width {
        let mean = values.iter().skip(at).step_by(width).sum::<f32>() / faces;
        values.iter_mut().skip(at).step_by(width).for_each(|value| *value -= mean);
    }
    FaceSet::new(values, width, &names(stills), stills.pose_deg.clone())
}
