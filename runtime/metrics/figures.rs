//! The metrics behind the paper's figures on the aligner and behind its filter of data, as rows of the
//! catalogue.

use ffrun_reports::rows::Direction;

use super::catalogue::Row;

/// Of an identity map (Fig. 6).
pub(super) const IDENTITY_MAP: &[Row] = &[
    (
        "identity_silhouette",
        "Silhouette",
        "",
        Direction::Higher,
        3,
        "mean silhouette coefficient of a person's faces in the encoding, cosine distance, clusters \
         = all unseen people; the encoding is S, or without an aligner the latent of the \
         generator's autoencoder, less its mean over the faces",
        "Rousseeuw 1987; the number behind Fig. 6",
    ),
    (
        "identity_neighbour",
        "Nearest is own",
        "",
        Direction::Higher,
        3,
        "share of a person's faces whose nearest other face in the same encoding, by cosine, is of \
         the same person, among all unseen people",
        "leave-one-out nearest neighbour; beside Fig. 6",
    ),
    (
        "map_silhouette",
        "Silhouette in the plane",
        "",
        Direction::Higher,
        3,
        "the silhouette coefficient of a person's faces in the t-SNE plane itself, Euclidean \
         distance, clusters = the people shown",
        "Rousseeuw 1987; the number beside Fig. 6's picture",
    ),
];

/// Of a look into a dictionary (Fig. 7).
pub(super) const DICTIONARY: &[Row] = &[
    (
        "entry_pose_information",
        "Pose told by entries",
        "",
        Direction::Higher,
        3,
        "a person's term of the normalised mutual information I(entry; pose)/H(pose), over a face's \
         ten strongest entries and the five poses of Fig. 7 (1 = any active entry gives the pose \
         away); biased upwards, see its floor",
        "mutual information of the activations that Fig. 7 lists",
    ),
    (
        "entry_pose_excess",
        "above shuffled",
        "",
        Direction::Higher,
        3,
        "the same less its floor: what is left with poses dealt anew among the faces of each person, \
         mean of 20 deals",
        "chance correction as in adjusted mutual information, Vinh et al. 2010",
    ),
    (
        "entry_pose_gap",
        "Gap of the best entry",
        "",
        Direction::Higher,
        3,
        "share of a person's faces of a pose whose ten strongest entries hold the pose's entry, less \
         that share of the person's other faces, mean over the five poses; the entry is chosen on \
         other people",
        "Fig. 7: entries that are consistently activated by faces in similar poses",
    ),
];

/// Of a filter of footage (Eq. 8).
pub(super) const SIFT: &[Row] = &[
    (
        "filter_precision",
        "Precision",
        "",
        Direction::Higher,
        3,
        "share of a person's kept clips that qualify by the exact angles: frontal and profile, or \
         upward and downward, as Fig. 7 bounds them",
        "paper §3.4, the criterion of its labels",
    ),
    (
        "filter_recall",
        "Recall",
        "",
        Direction::Higher,
        3,
        "share of a person's clips that qualify that the filter keeps",
        "paper §3.4, the criterion of its labels",
    ),
    (
        "filter_balanced",
        "Balanced accuracy",
        "",
        Direction::Higher,
        3,
        "mean of a person's recall and of the share of the other clips that are dropped: 0.5 for a \
         filter that knows nothing",
        "after the two lines above",
    ),
    (
        "filter_still_profiles",
        "Still profiles kept",
        "",
        Direction::Lower,
        3,
        "share of a person's clips kept in which the head stands still with |yaw| of 75° and more",
        "METHOD of ffrun: pitch and roll jump by 180° past a yaw of 90°",
    ),
    (
        "filter_auc",
        "AUC",
        "",
        Direction::Higher,
        3,
        "probability that a clip that qualifies has a larger measure than one that does not, over all \
         clips, whatever the threshold",
        "area under the ROC curve",
    ),
    (
        "filter_threshold",
        "Threshold",
        "°",
        Direction::Neutral,
        1,
        "what the measure of a clip must exceed to be kept",
        "paper §3.4: 120°, chosen on 2000 labelled videos",
    ),
];
