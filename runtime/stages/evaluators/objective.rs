//! The loss of each kind of evaluator over a batch.

use candle_core::{Result as TensorResult, Tensor};
use ffrun_models::{
    evaluators::{
        BatchNorm, Classes, Curriculum, DualEncoder, Margin, PoseNet, arcface, curricularface,
        geodesic_loss, presence_loss,
    },
    loss::pia_loss,
    params::Params,
    rotation::Euler,
};

use super::{
    batch::Batch,
    material::{Material, Picture},
    network::{Network, words},
};
use crate::{
    engine::work::StageError,
    spec::EvaluatorSpec,
    stages::{model_error, tensor_error},
};

/// A network with what its loss needs beside it.
pub(super) struct Objective {
    network: Network,
    classes: Option<Classes>,
    margin: Margin,
    margin_warmup: u64,
    /// How far CurricularFace's curriculum has come; `None` for the other losses.
    pub(super) curriculum: Option<Curriculum>,
}

impl Objective {
    /// Declares what only the training needs, the people's directions, among `params`.
    pub(super) fn new(
        spec: &EvaluatorSpec,
        network: Network,
        params: &mut Params,
        (people, seed): (usize, u64),
    ) -> Result<Self, StageError> {
        let classes = matches!(network, Network::Recogniser(_))
            .then(|| Classes::new(params, (people, spec.embedding), seed));
        Ok(Self {
            network,
            classes: classes.transpose().map_err(model_error)?,
            margin: Margin { scale: spec.scale, margin: spec.margin },
            margin_warmup: spec.margin_warmup,
            curriculum: (spec.measures == "curricularface").then(Curriculum::default),
        })
    }

    /// Which pictures a kind of evaluator learns from: recognisers from faces, the pose from
    /// everything, captions from the frames that they were written for.
    pub(super) fn learns_from(spec: &EvaluatorSpec) -> fn(&Picture) -> bool {
        match spec.measures.as_str() {
            "pose" => |_| true,
            "captions" => |picture| picture.frame.is_some(),
            _ => |picture| picture.present,
        }
    }

    /// The loss of the batch of `step`, a scalar. Moves the curriculum and the running statistics.
    pub(super) fn loss(
        &mut self,
        params: &Params,
        (material, batch): (&Material, &Batch),
        step: u64,
    ) -> Result<Tensor, StageError> {
        let margin = self.margin_at(step);
        match (&self.network, &self.classes) {
            (Network::Pose(net), _) => pose(net, batch).map_err(tensor_error),
            (Network::Captions(net), _) => captions(net, material, batch),
            (Network::Recogniser(net), Some(classes)) => {
                let (embeddings, seen) =
                    net.forward_training(&batch.frames).map_err(tensor_error)?;
                BatchNorm::remember(params, &seen).map_err(tensor_error)?;
                let cosines = classes.cosines(&embeddings).map_err(tensor_error)?;
                match &mut self.curriculum {
                    Some(curriculum) => curricularface(&cosines, &batch.people, margin, curriculum),
                    None => arcface(&cosines, &batch.people, margin),
                }
                .map_err(tensor_error)
            }
            (Network::Recogniser(_), None) => {
                Err(StageError::Failed("a recogniser is trained with people".to_owned()))
            }
        }
    }

    /// The margin grows linearly: at its full size from the start, so small a network finds no
    /// direction to go.
    fn margin_at(&self, step: u64) -> Margin {
        let share = (step as f64 / self.margin_warmup.max(1) as f64).min(1.0);
        Margin { margin: share * self.margin.margin, ..self.margin }
    }
}

/// Geodesic loss and presence, both everywhere: the back of a head is turned some way too, and only
/// who knows which can tell the direction of a turn.
fn pose(net: &PoseNet, batch: &Batch) -> TensorResult<Tensor> {
    let seen = net.forward(&batch.frames)?;
    let present: Vec<bool> = batch.pictures.iter().map(|picture| picture.present).collect();
    let rotations: Vec<f32> = batch
        .pictures
        .iter()
        .zip(&batch.mirrored)
        .flat_map(|(picture, &mirrored)| rotation(picture.pose_deg, mirrored))
        .collect();
    let truth = Tensor::from_vec(rotations, (present.len(), 3, 3), batch.frames.device())?;
    geodesic_loss(&seen.rotations_b33, &truth, &vec![true; present.len()])?
        + presence_loss(&seen.presence_b, &present)?
}

/// A mirror turns yaw and roll round.
fn rotation([pitch, yaw, roll]: [f32; 3], mirrored: bool) -> Vec<f32> {
    let sign = if mirrored { -1.0 } else { 1.0 };
    let pose = [f64::from(pitch), sign * f64::from(yaw), sign * f64::from(roll)];
    let rotation = Euler::from_degrees(pose).to_rotation();
    rotation.into_iter().flatten().map(|value| value as f32).collect()
}

/// CLIP's loss: the mean cross-entropy of both directions; `pia_loss` is their sum.
fn captions(net: &DualEncoder, material: &Material, batch: &Batch) -> Result<Tensor, StageError> {
    let texts: Vec<&str> = batch.pictures.iter().map(|picture| material.caption(picture)).collect();
    let (rows, lengths) = words(&texts, batch.frames.device())?;
    let loss = || {
        let (frames, texts) = (net.frames(&batch.frames)?, net.captions(&rows, &lengths)?);
        pia_loss(&frames, &texts, net.logit_scale(), Some(&batch.people))? * 0.5
    };
    loss().map_err(tensor_error)
}
