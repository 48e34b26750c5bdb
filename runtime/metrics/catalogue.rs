//! Every metric with its unit, direction, definition, source and version.

use ffrun_reports::rows::{Direction, Metric};

use super::{generated, video};

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
    (
        "verification_auc",
        "In-world verification AUC",
        "",
        Direction::Higher,
        3,
        "probability that an in-world recogniser finds two pictures of one unseen person more \
         alike than two of different people; pairs that share no clip",
        "area under the ROC curve over all pairs",
    ),
    (
        "verification_tar",
        "In-world TAR@FAR 1e-3",
        "",
        Direction::Higher,
        3,
        "share of pairs of one unseen person that an in-world recogniser accepts where it \
         accepts one in a thousand pairs of different people; pairs that share no clip",
        "true accept rate at a false accept rate of 1e-3",
    ),
    (
        "verification_auc_0_30",
        "In-world verification AUC, |yaw| ≤ 30°",
        "",
        Direction::Higher,
        3,
        "probability that an in-world recogniser finds two pictures of one unseen person more \
         alike than two of different people; pairs that share no clip, both |yaw| up to 30°",
        "area under the ROC curve over all pairs",
    ),
    (
        "verification_tar_0_30",
        "In-world TAR@FAR 1e-3, |yaw| ≤ 30°",
        "",
        Direction::Higher,
        3,
        "share of pairs of one unseen person that an in-world recogniser accepts where it \
         accepts one in a thousand pairs of different people; pairs that share no clip, both \
         |yaw| up to 30°",
        "true accept rate at a false accept rate of 1e-3",
    ),
    (
        "verification_auc_30_60",
        "In-world verification AUC, 30–60°",
        "",
        Direction::Higher,
        3,
        "probability that an in-world recogniser finds two pictures of one unseen person more \
         alike than two of different people; pairs that share no clip, the larger |yaw| in 30 \
         to 60°",
        "area under the ROC curve over all pairs",
    ),
    (
        "verification_tar_30_60",
        "In-world TAR@FAR 1e-3, 30–60°",
        "",
        Direction::Higher,
        3,
        "share of pairs of one unseen person that an in-world recogniser accepts where it \
         accepts one in a thousand pairs of different people; pairs that share no clip, the \
         larger |yaw| in 30 to 60°",
        "true accept rate at a false accept rate of 1e-3",
    ),
    (
        "verification_auc_60_90",
        "In-world verification AUC, 60–90°",
        "",
        Direction::Higher,
        3,
        "probability that an in-world recogniser finds two pictures of one unseen person more \
         alike than two of different people; pairs that share no clip, the larger |yaw| in 60 \
         to 90°",
        "area under the ROC curve over all pairs",
    ),
    (
        "verification_tar_60_90",
        "In-world TAR@FAR 1e-3, 60–90°",
        "",
        Direction::Higher,
        3,
        "share of pairs of one unseen person that an in-world recogniser accepts where it \
         accepts one in a thousand pairs of different people; pairs that share no clip, the \
         larger |yaw| in 60 to 90°",
        "true accept rate at a false accept rate of 1e-3",
    ),
    (
        "ruler_pose_error",
        "In-world pose error",
        "°",
        Direction::Lower,
        1,
        "mean angle of the rotation between the pose that the in-world estimator reads off a \
         frame and the true one, over frames of unseen people with at least half of the face \
         seen",
        "geodesic distance on rotations, as 6DRepNet is trained by",
    ),
    (
        "ruler_pose_error_0_30",
        "In-world pose error, |yaw| ≤ 30°",
        "°",
        Direction::Lower,
        1,
        "mean angle of the rotation between the pose that the in-world estimator reads off a \
         frame and the true one, over frames of unseen people with at least half of the face \
         seen, |yaw| up to 30°",
        "geodesic distance on rotations, as 6DRepNet is trained by",
    ),
    (
        "ruler_pose_error_30_60",
        "In-world pose error, 30–60°",
        "°",
        Direction::Lower,
        1,
        "mean angle of the rotation between the pose that the in-world estimator reads off a \
         frame and the true one, over frames of unseen people with at least half of the face \
         seen, |yaw| in 30 to 60°",
        "geodesic distance on rotations, as 6DRepNet is trained by",
    ),
    (
        "ruler_pose_error_60_90",
        "In-world pose error, 60–90°",
        "°",
        Direction::Lower,
        1,
        "mean angle of the rotation between the pose that the in-world estimator reads off a \
         frame and the true one, over frames of unseen people with at least half of the face \
         seen, |yaw| in 60 to 90°",
        "geodesic distance on rotations, as 6DRepNet is trained by",
    ),
    (
        "presence_accuracy",
        "In-world face presence",
        "",
        Direction::Higher,
        3,
        "share of frames of unseen people of which the in-world estimator tells rightly whether \
         at least half of the face is seen",
        "accuracy at probability ½",
    ),
    (
        "caption_top1",
        "In-world caption top-1",
        "",
        Direction::Higher,
        3,
        "share of clips of unseen people whose frame finds its own caption among the first of \
         all captions of the set, by the in-world dual encoder",
        "retrieval as CLIP is tested by",
    ),
    (
        "caption_top5",
        "In-world caption top-5",
        "",
        Direction::Higher,
        3,
        "share of clips of unseen people whose frame finds its own caption among the five first \
         of all captions of the set, by the in-world dual encoder",
        "retrieval as CLIP is tested by",
    ),
];

/// All metrics ffrun knows today.
pub fn catalogue() -> Vec<Metric> {
    let first = ROWS.iter().map(|row| metric(row, 1));
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
