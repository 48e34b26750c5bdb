//! What was measured, as rows: the only thing that reports are made from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chart::{Matrix, Scatter};
use crate::sheet::GivenLine;

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Larger is better (↑).
    Higher,
    /// Smaller is better (↓).
    Lower,
    /// Neither; shown without an arrow and never marked best.
    Neutral,
}

/// What a metric is, declared once: tables draw arrows and pick the best from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Stable identifier, `retrieval_top1`.
    pub name: String,
    /// What a reader sees, `Retrieval top-1`.
    pub label: String,
    /// Unit, empty for a plain number.
    pub unit: String,
    /// Which way it improves.
    pub direction: Direction,
    /// One sentence: how it is computed.
    pub definition: String,
    /// Where the definition comes from (paper equation, peer).
    pub source: String,
    /// Raised when the definition changes.
    pub version: u32,
    /// Digits after the point in tables.
    pub digits: usize,
}

/// Where a number comes from. Never mixed under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Computed by ffrun at the scale of the experiment.
    Measured,
    /// A constant printed in the paper.
    Published,
}

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Varied setting → value, e.g. `elements` → 4096.
    pub settings: BTreeMap<String, Value>,
    /// Training seed of the trial.
    pub seed: u64,
    /// Name of the metric.
    pub metric: String,
    /// The person this number belongs to; `None` for a number about the whole model.
    pub identity: Option<String>,
    /// The number.
    pub value: f64,
}

/// One point of a training curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Varied setting → value.
    pub settings: BTreeMap<String, Value>,
    /// Training seed of the trial.
    pub seed: u64,
    /// Which curve, e.g. `loss`, `lr`.
    pub curve: String,
    /// Optimiser step, from 1.
    pub step: u64,
    /// The number.
    pub value: f64,
}

/// A face in a frame of a clip: how it is turned, and one number about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameScore {
    /// Varied setting → value.
    pub settings: BTreeMap<String, Value>,
    /// Training seed of the trial.
    pub seed: u64,
    /// Name of the metric.
    pub metric: String,
    /// The person whom the clip should show.
    pub identity: String,
    /// Degrees, > 0 to image right.
    pub yaw_deg: f64,
    /// Degrees, > 0 up.
    pub pitch_deg: f64,
    /// The number.
    pub value: f64,
}

/// A row that every report shows beside the trials: the floor or the ceiling of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    /// What the row is, e.g. `chance` or `ground truth`.
    pub label: String,
    /// Name of the metric.
    pub metric: String,
    /// The number.
    pub value: f64,
}

/// Something that a trial's measurement drew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// Varied setting → value.
    pub settings: BTreeMap<String, Value>,
    /// Training seed of the trial.
    pub seed: u64,
    /// What scripts call it, `identity_map`.
    pub name: String,
    /// What it shows.
    pub figure: Figure,
}

/// What a stage can draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Figure {
    /// Points of groups in a plane.
    Scatter(Scatter),
    /// Named rows and columns of shares.
    Matrix(Matrix),
    /// Lines over one axis.
    Lines {
        /// What the horizontal axis counts, with its unit.
        x: String,
        /// The lines.
        lines: Vec<GivenLine>,
    },
    /// A PNG file.
    Picture {
        /// Where it is.
        path: PathBuf,
    },
}

/// Everything an experiment has measured so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Name of the experiment, `ablation_dict`.
    pub experiment: String,
    /// The question it asks.
    pub asks: String,
    /// Scale the numbers were measured at, `tiny`; empty where `origin` says it all.
    pub scale: String,
    /// What else qualifies the numbers, `videos.csv, 16 frames`; empty for the embedded heads.
    #[serde(default)]
    pub origin: String,
    /// Varied settings in declared order, each with its values in declared order.
    pub varied: Vec<(String, Vec<Value>)>,
    /// Metrics in declared order.
    pub metrics: Vec<Metric>,
    /// Measured numbers.
    pub observations: Vec<Observation>,
    /// What trials took: time, memory, size. Apart from what was measured, since much of it is the
    /// machine's and no two runs give the same.
    #[serde(default)]
    pub costs: Vec<Observation>,
    /// Training curves.
    pub curves: Vec<CurvePoint>,
    /// Floors and ceilings.
    pub anchors: Vec<Anchor>,
    /// What stages drew, for charts and pictures that show more than numbers by setting.
    #[serde(default)]
    pub drawn: Vec<Drawn>,
    /// Faces in the frames of clips.
    #[serde(default)]
    pub frames: Vec<FrameScore>,
    /// Trials declared; 0 where no trials were, and nobody waits for further seeds.
    pub planned: usize,
    /// Trials measured.
    pub finished: usize,
}
