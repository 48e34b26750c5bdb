//! Eyes for clips of the embedded heads: the evaluators that ship with ffrun.

use candle_core::{Device, Tensor};
use ffrun_models::eval::picture::Picture;
use serde_json::Value;

use super::eyes::{Eyes, Sight};
use crate::{
    engine::work::StageError,
    metrics::{
        observation::{FaceSeen, FrameSeen},
        video::{Loss, Networks},
    },
    stages::{
        evaluators::{Evaluators, Recognition},
        model_error, tensor_error,
    },
};

/// Name of the recogniser: part of its metrics' names.
const ARCFACE: &str = "in-world-arcface";
/// Probability from which a frame shows a face.
const PRESENT: f32 = 0.5;

/// Looks with the shipped evaluators. They know ffrun's rendered heads and nothing else, and read
/// the square in the middle of a frame.
struct InWorld {
    evaluators: Evaluators,
    prompt: Option<String>,
}

/// The sight of the embedded world.
pub fn in_world() -> Sight {
    let networks = Networks {
        detector: "in-world-pose".to_owned(),
        recognisers: [(ARCFACE.to_owned(), Loss::ArcFace)].into(),
        pose: Some("in-world-pose".to_owned()),
        features: Some("in-world-captions".to_owned()),
        text: Some("in-world-captions".to_owned()),
    };
    Sight {
        networks,
        digests: [("in-world".to_owned(), Evaluators::digest().to_owned())].into(),
        options: Value::Null,
        by_reference: false,
        open: Box::new(|| {
            let evaluators = Evaluators::shipped(&Device::Cpu)?;
            Ok(Box::new(InWorld { evaluators, prompt: None }))
        }),
    }
}

impl Eyes for InWorld {
    fn set_prompt(&mut self, prompt: Option<&str>) -> Result<usize, StageError> {
        self.prompt = prompt.map(str::to_owned);
        // The world's captions fit.
        Ok(0)
    }

    fn set_reference(&mut self, _: Option<&FaceSeen>) {}

    fn see(&mut self, frame: &Picture) -> Result<FrameSeen, StageError> {
        let [height, width] = frame.size();
        let side = height.min(width);
        let square = frame.centre(side).map_err(model_error)?;
        Ok(FrameSeen {
            face: self.face(&square, [height, width])?,
            clip_score: self.score(&square)?,
            clip_score_bgr: self.score(&square.swapped())?,
            ..FrameSeen::default()
        })
    }
}

impl InWorld {
    fn face(
        &self,
        square: &Picture,
        [height, width]: [usize; 2],
    ) -> Result<Option<FaceSeen>, StageError> {
        let ([side, _], values) = (square.size(), square.values());
        let seen = self.evaluators.pose(values, side)?;
        let Some(seen) = seen.first().filter(|seen| seen.presence >= PRESENT) else {
            return Ok(None);
        };
        let vector = self.evaluators.recognise(Recognition::ArcFace, values, side)?;
        let features = self.evaluators.features(values, side)?;
        let (left, top) = ((width - side) as f32 / 2.0, (height - side) as f32 / 2.0);
        Ok(Some(FaceSeen {
            box_px: [left, top, left + side as f32, top + side as f32],
            confidence: seen.presence,
            faces: 1,
            padded: false,
            embeddings: [(ARCFACE.to_owned(), row(&vector)?)].into(),
            pitch_yaw_roll_deg: Some(seen.euler.to_degrees()),
            features: Some(row(&features)?),
        }))
    }

    fn score(&self, square: &Picture) -> Result<Option<f64>, StageError> {
        let Some(prompt) = &self.prompt else { return Ok(None) };
        let [side, _] = square.size();
        let scores = self.evaluators.clip_score(square.values(), side, &[prompt])?;
        Ok(scores.first().copied().map(f64::from))
    }
}

/// The only row of a table.
fn row(table: &Tensor) -> Result<Vec<f32>, StageError> {
    table.flatten_all().and_then(|row| row.to_vec1()).map_err(tensor_error)
}
