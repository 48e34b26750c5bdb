//! Metrics of the in-world evaluators: how far they are to be believed.

use ffrun_reports::rows::Direction;

use super::catalogue::Row;

/// All of version 1.
pub(super) const ROWS: &[Row] = &[
    (
        "verification_auc",
        "In-world verification AUC",
        "",
        Direction::Higher,
        3,
        "probability that an in-world recogniser finds two pictures of one unseen person more \
         alike than two of different people; pairs that share no clip; jackknifed over people",
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
