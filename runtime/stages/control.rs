//! Vectors that controls put in the place of S: the Euler angles alone, a random vector, a
//! recogniser's vector (METHOD §5.3).

use candle_core::{Device, Result as TensorResult, Tensor};
use ffrun_models::{
    aligner::Aligner,
    euler::{EulerEmbedding, EulerKind},
    eval::resampling::{Filter, Kernel, resized},
    params::Params,
    stream::Stream,
};

use super::{
    evaluators::{Evaluators, Recognition},
    model_error,
};
use crate::{
    engine::{stage::Stage, work::StageError},
    spec::{ControlSpec, TuneSpec},
};

/// What S, or what stands for it, is made from.
#[derive(Clone)]
pub(super) struct References<'a> {
    /// `[B, 3, S, S]` in [−1, 1].
    pub(super) pictures: Tensor,
    /// Pitch, yaw, roll in radians, `[B, 3]`.
    pub(super) eulers: Tensor,
    /// Who they show.
    pub(super) people: Vec<&'a str>,
}

/// A vector in the place of S.
pub(super) enum Control {
    /// The embedding of the angles that the aligner adds to its tokens, without the tokens.
    Euler(EulerEmbedding, usize),
    /// Drawn by seed and person: it says who, and nothing of how they look.
    Random { seed: u64, width: usize },
    /// Of the frozen recogniser of the embedded world.
    Recogniser(Box<Evaluators>),
}

/// The recogniser whose vector is taken. FaceSim-Arc is measured by the same network, so that
/// FaceSim-Cur is the fair judge of this control.
const RECOGNISER: Recognition = Recognition::ArcFace;

impl Control {
    /// That of a tuning, if it has one.
    pub(super) fn of(
        spec: &TuneSpec,
        stage: &Stage,
        params: &mut Params,
    ) -> Result<Option<Self>, StageError> {
        let control = spec.control.as_ref();
        control.map(|control| Self::new(control, stage, params, spec.seed)).transpose()
    }

    /// Declares `control.euler.…` in `params` where there is something to train. The stage says with
    /// which evaluators it was planned.
    pub(super) fn new(
        spec: &ControlSpec,
        stage: &Stage,
        params: &mut Params,
        seed: u64,
    ) -> Result<Self, StageError> {
        match spec.source.as_str() {
            "euler" => {
                let name = ("control.euler", spec.width);
                let embedding = EulerEmbedding::new(EulerKind::Timestep, params, name, seed);
                Ok(Self::Euler(embedding.map_err(model_error)?, spec.width))
            }
            "random" => Ok(Self::Random { seed, width: spec.width }),
            "recogniser" => {
                Evaluators::check(stage)?;
                let rulers = Evaluators::shipped(params.device())?;
                Ok(Self::Recogniser(Box::new(rulers)))
            }
            other => Err(StageError::Failed(format!(
                "unknown control `{other}`; this ffrun has `euler`, `random` and `recogniser`"
            ))),
        }
    }

    /// Values of the vector.
    pub(super) fn width(&self) -> Result<usize, StageError> {
        match self {
            Self::Euler(_, width) | Self::Random { width, .. } => Ok(*width),
            Self::Recogniser(rulers) => rulers.width(RECOGNISER),
        }
    }

    /// The vectors of some references.
    ///
    /// # Shapes
    /// - output: `[B, D]`
    pub(super) fn vectors(&self, references: &References<'_>) -> TensorResult<Tensor> {
        let References { pictures, eulers, people } = references;
        match self {
            Self::Euler(embedding, _) => match embedding.forward(eulers)? {
                Some(vectors) => Ok(vectors),
                None => candle_core::bail!("the embedding of angles gave nothing"),
            },
            Self::Random { seed, width } => random((*seed, *width), people, eulers.device()),
            Self::Recogniser(rulers) => {
                let found = rulers.recognise(RECOGNISER, &bytes(pictures)?, pictures.dim(3)?);
                let found = found.map_err(|error| candle_core::Error::msg(error.to_string()))?;
                found.to_device(pictures.device())
            }
        }
    }
}

/// Width of S, or of what stands in its place; none where nothing is injected.
pub(super) fn shared_width(
    spec: &TuneSpec,
    control: Option<&Control>,
) -> Result<Option<usize>, StageError> {
    match control {
        Some(control) => control.width().map(Some),
        None => Ok(spec.aligner.as_ref().map(|aligner| aligner.width)),
    }
}

/// S of an aligner at a training step, as it enters a generator. References of another size than the
/// aligner reads are resized.
///
/// # Shapes
/// - output: `[B, D]`
pub(super) fn of_aligner(
    aligner: &Aligner,
    references: &References<'_>,
    step: u64,
) -> TensorResult<Tensor> {
    let side = aligner.image_px();
    let kernel = Kernel::Antialiased(Filter::Bilinear);
    let pictures = resized(&references.pictures, [side, side], kernel)?;
    let output = aligner.forward(&pictures, &references.eulers, step)?;
    aligner.normalized(&output.shared_bd)
}

/// A normal vector for each person, `[B, D]`.
fn random((seed, width): (u64, usize), people: &[&str], device: &Device) -> TensorResult<Tensor> {
    let rows: TensorResult<Vec<Tensor>> = people
        .iter()
        .map(|person| {
            let purpose = format!("control/random/{person}");
            Stream::new(seed, &purpose, 0).normal_tensor(width, 1.0, device)
        })
        .collect();
    Tensor::stack(&rows?, 0)
}

/// RGB bytes of pictures in [−1, 1], as recognisers read them.
fn bytes(pictures: &Tensor) -> TensorResult<Vec<u8>> {
    let pixels = ((pictures + 1.0)? * 127.5)?.round()?.clamp(0f32, 255f32)?;
    let pixels: Vec<f32> = pixels.permute([0, 2, 3, 1])?.flatten_all()?.to_vec1()?;
    Ok(pixels.into_iter().map(|value| value as u8).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use ffrun_models::gradients::Gradients;

    use super::*;
    use crate::spec::TUNE;

    fn references<'a>(people: &[&'a str], yaw: f32) -> References<'a> {
        let count = people.len();
        let eulers: Vec<f32> = people.iter().flat_map(|_| [0.1, yaw, 0.0]).collect();
        let pictures = Stream::new(1, "test/pictures", 0)
            .uniform_tensor((count, 3, 64, 64), 1.0, &Device::Cpu)
            .unwrap();
        let eulers = Tensor::from_vec(eulers, (count, 3), &Device::Cpu).unwrap();
        References { pictures, eulers, people: people.to_vec() }
    }

    fn made(source: &str, width: usize, seed: u64) -> (Params, Control) {
        let mut params = Params::new(&Device::Cpu);
        let spec = ControlSpec { source: source.to_owned(), width };
        let mut stage = Stage::new(TUNE.0, TUNE.1, serde_json::json!({}));
        stage.digests.insert("evaluators".to_owned(), Evaluators::digest().to_owned());
        let control = Control::new(&spec, &stage, &mut params, seed).unwrap();
        (params, control)
    }

    fn rows(control: &Control, references: &References<'_>) -> Vec<Vec<f32>> {
        control.vectors(references).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn a_random_vector_belongs_to_a_person_and_a_seed() {
        let (params, control) = made("random", 8, 3);
        let found = rows(&control, &references(&["ann", "bob", "ann"], 0.3));
        assert_eq!(found[0], found[2]);
        assert_ne!(found[0], found[1]);
        assert_eq!(found[0], rows(&control, &references(&["ann"], -1.0))[0], "whatever the pose");
        let (_, other) = made("random", 8, 4);
        assert_ne!(found[0], rows(&other, &references(&["ann"], 0.3))[0]);
        assert_eq!((control.width().unwrap(), params.iter().count()), (8, 0));
    }

    #[test]
    fn the_angles_alone_tell_poses_apart_and_not_people_and_can_be_trained() {
        let (params, control) = made("euler", 12, 0);
        let found = rows(&control, &references(&["ann", "bob"], 0.3));
        assert_eq!(found[0], found[1]);
        assert_ne!(found[0], rows(&control, &references(&["ann"], 0.4))[0]);
        let vectors = control.vectors(&references(&["ann", "bob"], 0.3)).unwrap();
        let mut store = vectors.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let gradients = Gradients::take(&params, &mut store);
        let count = params.iter().count();
        assert!(count >= 4 && (0..count).all(|at| gradients.at(at).is_some()));
    }

    #[test]
    fn a_recognisers_vector_is_that_of_the_rulers() {
        let (params, control) = made("recogniser", 0, 0);
        let references = references(&["ann", "bob"], 0.0);
        let found = rows(&control, &references);
        let rulers = Evaluators::shipped(&Device::Cpu).unwrap();
        let pixels = bytes(&references.pictures).unwrap();
        let expected = rulers.recognise(RECOGNISER, &pixels, 64).unwrap();
        assert_eq!(found, expected.to_vec2::<f32>().unwrap());
        assert_eq!((found[0].len(), params.iter().count()), (control.width().unwrap(), 0));
        assert_ne!(found[0], found[1]);
    }
}
