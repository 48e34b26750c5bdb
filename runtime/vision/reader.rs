//! What all networks together see in a frame.

use candle_core::Device;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::scrfd::Face;

use super::clip_score::ClipScorer;
use super::detector::Detector;
use super::error::VisionResult;
use super::features::FeatureReader;
use super::found_faces::FoundFaces;
use super::options::{Choice, Options};
use super::padding::padded;
use super::pose::PoseReader;
use super::recogniser::Recogniser;
use super::shelf::{Installed, Networks};
use crate::metrics::observation::{FaceSeen, FrameSeen};

/// Most faces among which the best match is looked for, the largest first: a bound on the time a
/// crowd takes.
const MOST_MATCHED: usize = 32;

/// Reads frames one by one, on the calling thread. Memory does not grow with their number.
pub struct FaceReader {
    detector: Detector,
    recognisers: Vec<Recogniser>,
    pose: Option<PoseReader>,
    features: Option<FeatureReader>,
    clip: Option<ClipScorer>,
    options: Options,
    /// The reference's vector by the first recogniser.
    reference: Option<Vec<f32>>,
}

/// How much of a prompt was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromptRead {
    /// Tokens that count, start and end included.
    pub tokens: usize,
    /// Tokens left off at the end because the text was too long.
    pub truncated: usize,
}

impl FaceReader {
    /// Reads the files of these networks.
    ///
    /// # Errors
    /// When a file cannot be read or is not what its card says, and for options out of range.
    pub fn new(networks: &Networks, options: Options) -> VisionResult<Self> {
        options.check()?;
        let recognisers = networks.recognisers.iter().map(Recogniser::open);
        let device = &Device::Cpu;
        let clip = |network| ClipScorer::open(network, device);
        Ok(Self {
            detector: Detector::open(&networks.detector, &options)?,
            recognisers: recognisers.collect::<VisionResult<_>>()?,
            pose: networks.pose.as_ref().map(PoseReader::open).transpose()?,
            features: networks.features.as_ref().map(FeatureReader::open).transpose()?,
            clip: networks.clip.as_ref().map(clip).transpose()?,
            options,
            reference: None,
        })
    }

    /// Reads the file of one network and throws it away: whether it would do.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn try_open(network: &Installed) -> VisionResult<()> {
        match network.card.role.kind() {
            "detector" => Detector::open(network, &Options::default()).map(drop),
            "recogniser" => Recogniser::open(network).map(drop),
            "pose" => PoseReader::open(network).map(drop),
            "features" => FeatureReader::open(network).map(drop),
            _ => ClipScorer::open(network, &Device::Cpu).map(drop),
        }
    }

    /// Names of the recognisers, in the order of the networks: keys of [`FaceSeen::embeddings`].
    pub fn recognisers(&self) -> impl Iterator<Item = &str> {
        self.recognisers.iter().map(Recogniser::name)
    }

    /// Takes the text that the frames from now on are compared with; nothing takes it away. None
    /// when there is no CLIP.
    ///
    /// # Errors
    /// When the text cannot be encoded.
    pub fn set_prompt(&mut self, prompt: Option<&str>) -> VisionResult<Option<PromptRead>> {
        self.clip.as_mut().map_or(Ok(None), |clip| clip.set_prompt(prompt))
    }

    /// Takes the face that [`Choice::BestMatch`] looks for in the frames from now on; nothing takes
    /// it away.
    pub fn set_reference(&mut self, reference: Option<&FaceSeen>) {
        let first = self.recognisers.first().map(Recogniser::name);
        let vector = |face: &FaceSeen| first.and_then(|name| face.embeddings.get(name).cloned());
        self.reference = reference.and_then(vector);
    }

    /// What is seen in a frame. [`FrameSeen::frame`] is 0: the caller knows its place.
    ///
    /// # Errors
    /// When a network fails, which no frame should make it do.
    pub fn read(&mut self, frame: &Picture) -> VisionResult<FrameSeen> {
        let scores = match &self.clip {
            Some(clip) => clip.scores(frame)?,
            None => None,
        };
        let found = self.found(frame)?;
        let face = match self.chosen(&found)? {
            Some(face) => Some(self.face(&found, &face)?),
            None => None,
        };
        let [clip_score, clip_score_bgr] = [0, 1].map(|at| scores.map(|scores| scores[at]));
        Ok(FrameSeen { face, clip_score, clip_score_bgr, ..FrameSeen::default() })
    }

    /// Every face of a frame, in its pixels, the surest first: what [`Self::read`] chooses from.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn faces(&mut self, frame: &Picture) -> VisionResult<Vec<Face>> {
        Ok(self.found(frame)?.faces)
    }

    /// All faces; where there is none, those of the frame with a border of grey.
    fn found<'a>(&mut self, frame: &'a Picture) -> VisionResult<FoundFaces<'a>> {
        let faces = self.detector.find(frame)?;
        if !faces.is_empty() || self.options.padding == 0.0 {
            return Ok(FoundFaces { frame, faces, padded: None });
        }
        let padded = padded(frame, self.options.padding)?;
        let faces = self.detector.find(&padded.picture)?;
        let faces = faces.into_iter().map(|face| padded.in_frame(face)).collect();
        Ok(FoundFaces { frame, faces, padded: Some(padded) })
    }

    /// The face that counts.
    fn chosen(&mut self, found: &FoundFaces) -> VisionResult<Option<Face>> {
        let mut faces = found.faces.clone();
        faces.sort_by(|a, b| b.area().total_cmp(&a.area()));
        if self.options.choice == Choice::Largest || faces.len() < 2 {
            return Ok(faces.first().copied());
        }
        let (Some(reference), Some(recogniser)) = (&self.reference, self.recognisers.first_mut())
        else {
            return Ok(faces.first().copied());
        };
        let mut best: Option<(f32, Face)> = None;
        for face in faces.into_iter().take(MOST_MATCHED) {
            let vector = recogniser.embed(found, &face)?;
            let cosine = vector.iter().zip(reference).map(|(a, b)| a * b).sum();
            if best.as_ref().is_none_or(|(most, _)| cosine > *most) {
                best = Some((cosine, face));
            }
        }
        Ok(best.map(|(_, face)| face))
    }

    fn face(&mut self, found: &FoundFaces, face: &Face) -> VisionResult<FaceSeen> {
        let mut seen = FaceSeen {
            box_px: face.edges,
            confidence: face.score,
            faces: found.faces.len(),
            padded: found.padded.is_some(),
            ..FaceSeen::default()
        };
        for recogniser in &mut self.recognisers {
            let vector = recogniser.embed(found, face)?;
            seen.embeddings.insert(recogniser.name().to_owned(), vector);
        }
        if let Some(pose) = &mut self.pose {
            seen.pitch_yaw_roll_deg = pose.angles(found.frame, face)?;
        }
        if let Some(features) = &self.features {
            seen.features = features.features(found.frame, face)?;
        }
        Ok(seen)
    }
}
