//! Every metric with its unit, direction, definition, source and version.

use ffrun_reports::rows::{Direction, Metric};

use super::{costs, figures, generated, public_rows, rulers, video};

/// One row of the catalogue, in the order of `Metric`'s fields.
pub(super) type Row =
    (&'static str, &'static str, &'static str, Direction, usize, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "retrieval_top1",
        "Retrieval top-1",
        "",
        Direction::Higher,
        3,
        "share of a person's turned faces whose nearest frontal face (cosine of S) is of the same \
         person; gallery: near-frontal faces of all unseen people, probes: their other faces",
        "cross-pose retrieval; METHOD of ffrun, no equivalent in the paper",
    ),
    (
        "retrieval_map",
        "Retrieval mAP",
        "",
        Direction::Higher,
        3,
        "mean average precision of the same ranking, over a person's turned faces",
        "cross-pose retrieval; METHOD of ffrun, no equivalent in the paper",
    ),
    (
        "retrieval_top1_0_30",
        "Top-1, |yaw| ≤ 30°",
        "",
        Direction::Higher,
        3,
        "retrieval top-1 of probes with |yaw| up to 30°",
        "retrieval top-1 by pose bin",
    ),
    (
        "retrieval_top1_30_60",
        "Top-1, 30–60°",
        "",
        Direction::Higher,
        3,
        "retrieval top-1 of probes with |yaw| above 30° and up to 60°",
        "retrieval top-1 by pose bin",
    ),
    (
        "retrieval_top1_60_90",
        "Top-1, 60–90°",
        "",
        Direction::Higher,
        3,
        "retrieval top-1 of probes with |yaw| above 60° and up to 90°",
        "retrieval top-1 by pose bin",
    ),
    (
        "pia_loss",
        "L_PIA unseen",
        "nats",
        Direction::Lower,
        3,
        "a person's term of Eq. 5, both directions summed, over pairs of faces of unseen people, \
         one pair a person, at the temperature that was learnt",
        "paper Eq. 5",
    ),
    (
        "silhouette",
        "Silhouette",
        "",
        Direction::Higher,
        3,
        "mean silhouette coefficient of a person's faces in S, cosine distance, clusters = people",
        "Rousseeuw 1987; the number beside Fig. 6's picture",
    ),
    (
        "pose_r2_w",
        "Pose R² in W",
        "",
        Direction::Neutral,
        3,
        "R² of a ridge regression from the dictionary weights W to yaw and pitch, mean of both, \
         fitted on half of the unseen people and scored on the other half, both ways",
        "linear probe; Fig. 7 claims that entries code pose",
    ),
    (
        "pose_r2_s",
        "Pose R² in S",
        "",
        Direction::Lower,
        3,
        "the same probe from S; a representation shared by all poses leaves none",
        "linear probe; Remark 1 claims invariance to pose",
    ),
    (
        "dictionary_entropy",
        "Dictionary entropy",
        "",
        Direction::Neutral,
        3,
        "entropy of how often each element is among a face's ten strongest, over ln C \
         (1 = all elements used alike)",
        "top-10 activations as in Fig. 7",
    ),
    (
        "dictionary_effective",
        "Effective elements",
        "",
        Direction::Neutral,
        0,
        "exp of that entropy in nats: how many elements do the work",
        "top-10 activations as in Fig. 7",
    ),
    (
        "dictionary_dead",
        "Dead elements",
        "",
        Direction::Neutral,
        3,
        "share of elements that are among the ten strongest of no face measured; with F faces at \
         least 1 − 10·F/C",
        "top-10 activations as in Fig. 7",
    ),
];

/// What a metric of an experiment speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A trained aligner on faces.
    Aligner,
    /// Generated clips.
    Clips,
    /// An in-world evaluator.
    Evaluator,
    /// What a trial takes, which no stage measures: it is read off specs and records.
    Cost,
    /// Networks that users bring, on renderings and photographs.
    PublicNetworks,
    /// Faces in an encoding.
    IdentityMap,
    /// A trained dictionary.
    Dictionary,
    /// A filter of footage.
    Sift,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Aligner => "a trained aligner",
            Self::Clips => "generated clips",
            Self::Evaluator => "an in-world evaluator",
            Self::Cost => "what a trial takes",
            Self::PublicNetworks => "public networks",
            Self::IdentityMap => "faces in an encoding",
            Self::Dictionary => "a trained dictionary",
            Self::Sift => "a filter of footage",
        })
    }
}

impl Subject {
    /// Of the metric of this name.
    pub fn of(name: &str) -> Self {
        if generated::ROWS.iter().any(|(_, row)| row.0 == name) {
            Self::Clips
        } else if rulers::ROWS.iter().any(|row| row.0 == name) {
            Self::Evaluator
        } else if costs::ROWS.iter().any(|row| row.0 == name) {
            Self::Cost
        } else if public_rows::ROWS.iter().any(|row| row.0 == name) {
            Self::PublicNetworks
        } else if figures::IDENTITY_MAP.iter().any(|row| row.0 == name) {
            Self::IdentityMap
        } else if figures::DICTIONARY.iter().any(|row| row.0 == name) {
            Self::Dictionary
        } else if figures::SIFT.iter().any(|row| row.0 == name) {
            Self::Sift
        } else {
            Self::Aligner
        }
    }
}

/// All metrics ffrun knows today.
pub fn catalogue() -> Vec<Metric> {
    let figures = [figures::IDENTITY_MAP, figures::DICTIONARY, figures::SIFT];
    let first = [ROWS, rulers::ROWS, public_rows::ROWS, costs::ROWS].into_iter().chain(figures);
    let first = first.flatten();
    let first = first.map(|row| metric(row, 1));
    first.chain(generated::ROWS.iter().map(|(version, row)| metric(row, *version))).collect()
}

fn metric(
    &(name, label, unit, direction, digits, definition, source): &Row,
    version: u32,
) -> Metric {
    Metric {
        name: name.into(),
        label: label.into(),
        unit: unit.into(),
        direction,
        definition: definition.into(),
        source: source.into(),
        version,
        digits,
    }
}

/// The metric of this name; metrics of clips of any generator are named with their network,
/// `facesim_arc@buffalo_l`.
pub fn find(name: &str) -> Option<Metric> {
    match video::networks::split(name) {
        (_, None) => catalogue().into_iter().find(|metric| metric.name == name),
        (metric, Some(network)) => {
            let row = video::rows::ROWS.iter().find(|(_, row)| row.0 == metric);
            let found = row.map(|(version, row)| self::metric(row, *version))?;
            let label = format!("{} ({network})", found.label);
            Some(Metric { name: name.to_owned(), label, ..found })
        }
    }
}

/// Name of retrieval top-1 over probes with `low` < |yaw| ≤ `high` degrees.
pub fn top1_of_bin(low: f64, high: f64) -> String {
    format!("retrieval_top1_{low:.0}_{high:.0}")
}
