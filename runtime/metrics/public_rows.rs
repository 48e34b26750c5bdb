//! Metrics with public networks beside the in-world evaluators: do they agree on renderings, and how
//! do the public ones themselves do on photographs?

use ffrun_reports::rows::Direction;

use super::catalogue::Row;

/// All of version 1.
pub(super) const ROWS: &[Row] = &[
    (
        "agreement_a",
        "Agreement with recogniser A",
        "",
        Direction::Higher,
        2,
        "Spearman's rank correlation of an in-world recogniser's cosines with those of public \
         recogniser A, over all pairs of renderings of unseen people in which a face is found; \
         values by person are the jackknife's pseudo-values",
        "Spearman 1904; Tukey 1958",
    ),
    (
        "agreement_b",
        "Agreement with recogniser B",
        "",
        Direction::Higher,
        2,
        "the same rank correlation with public recogniser B",
        "Spearman 1904; Tukey 1958",
    ),
    (
        "agreement_pose",
        "Distance from the public pose estimator",
        "°",
        Direction::Lower,
        1,
        "mean angle of the rotation between the poses that the in-world and the public estimator \
         read off one rendering of an unseen person",
        "geodesic distance on rotations, as 6DRepNet is trained by",
    ),
    (
        "agreement_faces",
        "Renderings with a face for the public detector",
        "",
        Direction::Higher,
        3,
        "share of renderings of unseen people in which the public detector finds a face; the \
         others say nothing about agreement",
        "METHOD of ffrun, no equivalent in the paper",
    ),
    (
        "photo_auc_a",
        "Recogniser A on photographs: AUC",
        "",
        Direction::Higher,
        3,
        "probability that public recogniser A finds two photographs of one person more alike than \
         two of different people, over all pairs of photographs in which a face is found; values by \
         person are the jackknife's pseudo-values",
        "area under the ROC curve over all pairs; Tukey 1958",
    ),
    (
        "photo_auc_b",
        "Recogniser B on photographs: AUC",
        "",
        Direction::Higher,
        3,
        "the same probability by public recogniser B",
        "area under the ROC curve over all pairs; Tukey 1958",
    ),
    (
        "photo_face_rate",
        "Photographs with a face for the public detector",
        "",
        Direction::Higher,
        3,
        "share of a person's photographs in which the public detector finds a face",
        "METHOD of ffrun, no equivalent in the paper",
    ),
];
