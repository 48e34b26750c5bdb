//! The card of a network that users bring: what it is, where it comes from, what may be done with
//! it, and how it wants its pictures.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::{VisionError, VisionResult};

/// What a network is for, and which code runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A face detector with the outputs of YuNet, as ONNX.
    DetectorYunet,
    /// A face detector with the outputs of SCRFD and five points, as ONNX.
    DetectorScrfd,
    /// A network from aligned faces to vectors, as ONNX.
    RecogniserOnnx,
    /// IResNet-50 of arcface_torch, as safetensors or PyTorch file.
    RecogniserIresnet50,
    /// IResNet-100 of arcface_torch.
    RecogniserIresnet100,
    /// IR-101 in TFace's form, the one of CurricularFace that FaceSim-Cur uses.
    RecogniserIr101Tface,
    /// IR-101 in the form of CurricularFace's authors.
    RecogniserIr101,
    /// A pose network with the outputs of OpenVINO's head-pose-estimation-adas, as ONNX.
    PoseAdas,
    /// 6DRepNet in its deployed form.
    #[serde(rename = "pose-6drepnet")]
    Pose6drepnet,
    /// 6DRepNet as it is trained, to be merged.
    #[serde(rename = "pose-6drepnet-train")]
    Pose6drepnetTrain,
    /// torchvision's InceptionV3.
    FeaturesInception,
    /// CLIP ViT-B/32 with the merges of its tokenizer.
    ClipVitB32,
}

impl Role {
    /// The kind it belongs to, of which a reader takes one (recognisers: any number).
    pub fn kind(self) -> &'static str {
        match self {
            Self::DetectorYunet | Self::DetectorScrfd => "detector",
            Self::RecogniserOnnx
            | Self::RecogniserIresnet50
            | Self::RecogniserIresnet100
            | Self::RecogniserIr101Tface
            | Self::RecogniserIr101 => "recogniser",
            Self::PoseAdas | Self::Pose6drepnet | Self::Pose6drepnetTrain => "pose",
            Self::FeaturesInception => "features",
            Self::ClipVitB32 => "clip",
        }
    }
}

/// What the licence allows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Its name or what is known of it.
    pub name: String,
    /// Whether commercial use is allowed; unknown where nobody says.
    pub commercial: Option<bool>,
}

/// Order of the colours a network takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Red first.
    #[default]
    Rgb,
    /// Blue first.
    Bgr,
}

/// How a recogniser's face is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aligned {
    /// Side of the square that is cut out, in pixels.
    pub side_px: usize,
    /// Scale of ArcFace's template about the middle of the square: 1 fills 112 pixels, 2 fills 224.
    pub zoom: f64,
    /// Whether a face found on a padded frame is cut from the padded frame, as insightface does,
    /// or from the frame itself.
    pub from_padded: bool,
}

/// How a network wants its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Side of its input in pixels.
    pub side_px: usize,
    /// Order of the colours.
    #[serde(default)]
    pub order: Order,
    /// Subtracted from values in 0..255, in the order of the colours.
    pub mean: [f32; 3],
    /// Divides what is left.
    pub deviation: [f32; 3],
    /// How a face is cut out, for recognisers.
    pub aligned: Option<Aligned>,
}

/// A card.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Name of the network, under which results are printed.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What it is, in a sentence.
    pub description: String,
    /// Address and place there.
    pub source: String,
    /// What the licence allows.
    pub licence: Licence,
    /// Names its file may have in the folder of weights, the first usual.
    pub files: Vec<String>,
    /// Names of further files it needs, by what they are (`merges`).
    #[serde(default)]
    pub beside: BTreeMap<String, String>,
    /// Digest of its file; absent where none has been seen that is known to be right.
    pub sha256: Option<String>,
    /// How it wants its pictures; absent where the code that runs it knows.
    pub input: Option<Input>,
    /// Name of the output to read, where a network has several.
    pub output: Option<String>,
    /// Beginnings of tensor names to be replaced, and by what.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
}

impl Card {
    /// Reads a card; `place` names it in errors.
    pub(super) fn parse(text: &str, place: &str) -> VisionResult<Self> {
        let refused = |reason: String| VisionError::Card { card: place.to_owned(), reason };
        let card: Self = toml::from_str(text).map_err(|error| refused(error.to_string()))?;
        card.check().map_err(refused)?;
        Ok(card)
    }

    /// How it wants its pictures, which its role needs to be said.
    pub(super) fn wanted_input(&self) -> VisionResult<Input> {
        self.input.ok_or_else(|| VisionError::Card {
            card: format!("`{}`", self.name),
            reason: "it has no table `[input]`".to_owned(),
        })
    }

    fn check(&self) -> Result<(), String> {
        let plain = |name: &str| {
            !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':'])
        };
        if !plain(&self.name) {
            return Err(format!("`name` is `{}`, but it must be a plain name", self.name));
        }
        let files = self.files.iter().chain(self.beside.values());
        if let Some(file) = files.into_iter().find(|file| !plain(file)) {
            return Err(format!("`{file}` must be the name of a file, without a folder"));
        }
        if self.files.is_empty() {
            return Err("`files` names no file".to_owned());
        }
        let hexadecimal = |digest: &String| {
            digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        if !self.sha256.as_ref().is_none_or(hexadecimal) {
            return Err("`sha256` must be 64 hexadecimal digits in lower case".to_owned());
        }
        self.check_input()
    }

    fn check_input(&self) -> Result<(), String> {
        const MOST_PX: usize = 1024;
        let is_recogniser = self.role.kind() == "recogniser";
        let Some(input) = self.input else {
            let needed = is_recogniser || self.role == Role::PoseAdas;
            return if needed { Err("`[input]` is missing".to_owned()) } else { Ok(()) };
        };
        let aligned = input.aligned;
        if is_recogniser && aligned.is_none() {
            return Err("`[input.aligned]` is missing, which recognisers need".to_owned());
        }
        let sides = [Some(input.side_px), aligned.map(|aligned| aligned.side_px)];
        if let Some(side) = sides.into_iter().flatten().find(|side| !(1..=MOST_PX).contains(side)) {
            return Err(format!("`side_px` is {side}, but it must be 1 to {MOST_PX}"));
        }
        if !aligned.is_none_or(|aligned| aligned.zoom > 0.0 && aligned.zoom.is_finite()) {
            return Err("`zoom` must be above 0".to_owned());
        }
        let finite = input.mean.iter().chain(&input.deviation).all(|x| x.is_finite());
        if !finite || input.deviation.contains(&0.0) {
            return Err("`mean` and `deviation` must be finite, the latter not 0".to_owned());
        }
        Ok(())
    }
}
