//! Eyes for clips of any kind: detectors, recognisers and more that users bring.

use ffrun_models::eval::picture::Picture;
use serde_json::json;

use super::eyes::{Eyes, Sight};
use crate::{
    engine::work::StageError,
    metrics::{
        observation::{FaceSeen, FrameSeen},
        video,
    },
    vision::{
        Card, Choice, FaceReader, Installed, Networks, Options, Role, VisionError, VisionResult,
    },
};

/// The sight of these networks.
///
/// # Errors
/// When a file cannot be read.
pub fn brought(networks: Networks, options: Options) -> VisionResult<Sight> {
    let name = |network: &Option<Installed>| network.as_ref().map(|it| it.card.name.clone());
    let recognisers = networks.recognisers.iter().map(|it| (it.card.name.clone(), loss(&it.card)));
    let named = video::Networks {
        detector: networks.detector.card.name.clone(),
        recognisers: recognisers.collect(),
        pose: name(&networks.pose),
        features: name(&networks.features),
        text: name(&networks.clip),
    };
    Ok(Sight {
        networks: named,
        digests: networks.digests()?,
        options: json!(options),
        by_reference: options.choice == Choice::BestMatch,
        open: Box::new(move || {
            let reader = FaceReader::new(&networks, options).map_err(absent)?;
            Ok(Box::new(reader))
        }),
    })
}

impl Eyes for FaceReader {
    fn set_prompt(&mut self, prompt: Option<&str>) -> Result<usize, StageError> {
        let read = FaceReader::set_prompt(self, prompt).map_err(failed)?;
        Ok(read.map_or(0, |read| read.truncated))
    }

    fn set_reference(&mut self, reference: Option<&FaceSeen>) {
        FaceReader::set_reference(self, reference);
    }

    fn see(&mut self, frame: &Picture) -> Result<FrameSeen, StageError> {
        self.read(frame).map_err(failed)
    }
}

/// The loss that a recogniser was trained by, as far as its card tells.
fn loss(card: &Card) -> video::Loss {
    match card.role {
        Role::RecogniserIr101Tface | Role::RecogniserIr101 => video::Loss::CurricularFace,
        Role::RecogniserIresnet50 | Role::RecogniserIresnet100 => video::Loss::ArcFace,
        // insightface's packs: their cards say so in words.
        _ if ["w600k_r50", "glintr100"].contains(&card.name.as_str()) => video::Loss::ArcFace,
        _ => video::Loss::Other,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn absent(error: VisionError) -> StageError {
    StageError::Environment(error.to_string())
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn failed(error: VisionError) -> StageError {
    StageError::Failed(error.to_string())
}
