//! Metrics of clips of any generator, without the network's name that their own names end in.

use ffrun_reports::rows::Direction;

use crate::metrics::catalogue::Row;

/// Version and row of each. Names are completed by `@` and a network's.
pub(in crate::metrics) const ROWS: &[(u32, Row)] = &[
    (1, facesim("facesim_arc", "FaceSim-Arc", ARC)),
    (1, facesim("facesim_arc_where_seen", "FaceSim-Arc, faces only", ARC_WHERE_SEEN)),
    (1, facesim("facesim_arc_raw", "FaceSim-Arc, raw", ARC_RAW)),
    (1, facesim("facesim_cur", "FaceSim-Cur", CUR)),
    (1, facesim("facesim_cur_where_seen", "FaceSim-Cur, faces only", CUR_WHERE_SEEN)),
    (1, facesim("facesim_cur_raw", "FaceSim-Cur, raw", CUR_RAW)),
    (1, facesim("facesim", "FaceSim", OTHER)),
    (1, facesim("facesim_where_seen", "FaceSim, faces only", OTHER_WHERE_SEEN)),
    (1, facesim("facesim_raw", "FaceSim, raw", OTHER_RAW)),
    (
        1,
        (
            "fid_consisid",
            "\"FID\" of ConsisID's script",
            "",
            Direction::Lower,
            2,
            "mean squared distance between the Inception features of a frame's aligned face and \
             of the reference's; a clip without a face is left out (the script gives it 0, the \
             best score)",
            "ConsisID get_facesim_fid.py; no Fréchet distance, since one vector has no covariance",
        ),
    ),
    (
        1,
        (
            "fid_pooled",
            "Fréchet distance",
            "",
            Direction::Lower,
            2,
            "Fréchet distance between Gaussians fitted to the Inception features of all faces of \
             a method and of the real ones; it grows as crops get fewer",
            "Heusel et al. 2017, symmetric form of the root",
        ),
    ),
    (
        1,
        (
            "kid",
            "KID",
            "",
            Direction::Lower,
            4,
            "kernel distance between the same features, without bias by their number; mean over \
             100 subsets of at most 100",
            "Bińkowski et al. 2018",
        ),
    ),
    (
        1,
        (
            "clip_score",
            "CLIPScore",
            "",
            Direction::Higher,
            2,
            "100·cos of sampled frames with the prompt, mean over frames",
            "ConsisID get_clipscore.py, with frames in RGB",
        ),
    ),
    (
        1,
        (
            "clip_score_bgr",
            "CLIPScore, BGR",
            "",
            Direction::Higher,
            2,
            "the same of frames whose red and blue are exchanged",
            "ConsisID get_clipscore.py, which feeds OpenCV's frames as they come",
        ),
    ),
    (
        1,
        (
            "face_rate",
            "Face rate",
            "",
            Direction::Higher,
            3,
            "share of sampled frames in which a face is found, padded retry included",
            "what the field's scripts pass over",
        ),
    ),
    (
        1,
        (
            "pose_error",
            "Pose error",
            "°",
            Direction::Lower,
            1,
            "mean angle of the rotation between the pose that was asked for and the one seen, \
             over frames with a face",
            "geodesic distance on rotations, as 6DRepNet is trained by",
        ),
    ),
    (
        2,
        (
            "turns_as_asked",
            "Turns as asked",
            "",
            Direction::Higher,
            3,
            "share of clips in which the nose follows the turn that was asked for, over frames \
             with a face: by at least 10° to an asked side (least-squares line); where angles of \
             at least 20° were asked, their covariance with the seen ones above 0",
            "METHOD of ffrun, no equivalent in the paper",
        ),
    ),
    (
        1,
        (
            "temporal_consistency",
            "Temporal consistency",
            "",
            Direction::Higher,
            3,
            "mean cosine of the recogniser's vectors of neighbouring sampled frames that both \
             show a face; a still picture has 1",
            "subject consistency of VBench, with a recogniser's vectors",
        ),
    ),
];

const fn facesim(name: &'static str, label: &'static str, definition: &'static str) -> Row {
    let source = "ConsisID get_facesim_fid.py; OpenS2V-Nexus get_facesim.py";
    (name, label, "", Direction::Higher, 3, definition, source)
}

const ARC: &str = "cosine of a recogniser trained by ArcFace's loss between the faces of sampled \
                   frames and of the reference, clamped at 0, mean over frames with a face; 0 for \
                   a clip without one";
const ARC_WHERE_SEEN: &str = "FaceSim-Arc without the clips that show no face";
const ARC_RAW: &str = "FaceSim-Arc without the clamp at 0 and without the clips that show no face";
const CUR: &str = "cosine of a recogniser trained by CurricularFace's loss between the faces of \
                   sampled frames and of the reference, clamped at 0, mean over frames with a \
                   face; 0 for a clip without one";
const CUR_WHERE_SEEN: &str = "FaceSim-Cur without the clips that show no face";
const CUR_RAW: &str = "FaceSim-Cur without the clamp at 0 and without the clips that show no face";
const OTHER: &str = "cosine of a recogniser of another or unknown loss between the faces of \
                     sampled frames and of the reference, clamped at 0, mean over frames with a \
                     face; 0 for a clip without one; neither FaceSim-Arc nor FaceSim-Cur";
const OTHER_WHERE_SEEN: &str = "FaceSim without the clips that show no face";
const OTHER_RAW: &str = "FaceSim without the clamp at 0 and without the clips that show no face";
