//! Metrics of clips that were generated in the embedded world, each with its version.

use ffrun_reports::rows::Direction;

use super::catalogue::Row;

/// Those that every frame has a number of, too.
pub const PER_FRAME: [&str; 2] = ["facesim_arc_in_world", "facesim_cur_in_world"];

/// Version and row of each.
pub(super) const ROWS: &[(u32, Row)] = &[
    (
        2,
        (
            "facesim_arc_in_world",
            "FaceSim-Arc (in-world)",
            "",
            Direction::Higher,
            3,
            "cosine between the frames of a clip that show a face and the clip's reference, mean \
             over a person's clips, by an ArcFace recogniser trained on heads; 0 for a clip \
             without a face; not the FaceSim-Arc of the paper",
            "paper Table 1's FaceSim-Arc with in-world networks and without the clamp at 0",
        ),
    ),
    (
        1,
        (
            "facesim_arc_turned_in_world",
            "FaceSim-Arc at |yaw| ≥ 45° (in-world)",
            "",
            Direction::Higher,
            3,
            "the same over frames in which the in-world estimator sees a face turned by at least \
             45°; clips without such a frame do not count",
            "the paper's claim of large pose changes, which its Table 1 averages away",
        ),
    ),
    (
        2,
        (
            "identity_top1_in_world",
            "Identity top-1 (in-world)",
            "",
            Direction::Higher,
            3,
            "share of a person's clips whose frames with a face are nearer to their own reference \
             than to the reference of every other person measured, by the in-world ArcFace \
             recogniser; a clip without a face finds nobody",
            "the gate of a base generator, METHOD of ffrun",
        ),
    ),
    (
        1,
        (
            "facesim_cur_in_world",
            "FaceSim-Cur (in-world)",
            "",
            Direction::Higher,
            3,
            "as FaceSim-Arc (in-world), by a CurricularFace recogniser trained on heads",
            "paper Table 1's FaceSim-Cur with in-world networks and without the clamp at 0",
        ),
    ),
    (
        1,
        (
            "facesim_cur_turned_in_world",
            "FaceSim-Cur at |yaw| ≥ 45° (in-world)",
            "",
            Direction::Higher,
            3,
            "the same over frames in which the in-world estimator sees a face turned by at least \
             45°; clips without such a frame do not count",
            "the paper's claim of large pose changes, which its Table 1 averages away",
        ),
    ),
    (
        1,
        (
            "identity_top1_cur_in_world",
            "Identity top-1 by Cur (in-world)",
            "",
            Direction::Higher,
            3,
            "as identity top-1, by the in-world CurricularFace recogniser",
            "the gate of a base generator, METHOD of ffrun",
        ),
    ),
    (
        1,
        (
            "face_rate_in_world",
            "Face rate (in-world)",
            "",
            Direction::Higher,
            3,
            "share of frames in which the in-world estimator sees at least half of a face; some \
             families turn away, so the filmed clips set the mark",
            "share of frames with a face, as every FaceSim should be read beside",
        ),
    ),
    (
        1,
        (
            "pose_error_in_world",
            "Pose error (in-world)",
            "°",
            Direction::Lower,
            1,
            "angle between the pose that the in-world estimator reads off a generated frame and \
             the pose of the filmed frame, where both show a face; captions leave the moment of a \
             movement open, so another clip of the same family is the floor",
            "geodesic distance on rotations, as 6DRepNet is trained by",
        ),
    ),
    (
        1,
        (
            "turn_direction_in_world",
            "Turn direction (in-world)",
            "",
            Direction::Higher,
            3,
            "share of clips of the family `turning` that show the side of the face which the \
             caption asks for: sign of the sum of sin yaw, weighed by presence",
            "the gate of a base generator, METHOD of ffrun",
        ),
    ),
    (
        1,
        (
            "clip_score_in_world",
            "CLIPScore (in-world)",
            "",
            Direction::Higher,
            2,
            "100·cos of frames with their caption, mean over a person's clips, by the in-world \
             dual encoder; not comparable to scores of CLIP ViT-B/32",
            "paper Table 1's CLIPScore with an in-world network",
        ),
    ),
    (
        1,
        (
            "fid_pooled_in_world",
            "Fréchet distance (in-world)",
            "",
            Direction::Lower,
            2,
            "Fréchet distance between all generated and all filmed frames in features of the \
             in-world dual encoder; it grows as frames get fewer",
            "Heusel et al. 2017, symmetric form, in-world features",
        ),
    ),
    (
        1,
        (
            "kid_in_world",
            "KID (in-world)",
            "",
            Direction::Lower,
            3,
            "kernel distance between the same frames, without bias by their number",
            "Bińkowski et al. 2018, in-world features",
        ),
    ),
    (
        1,
        (
            "fid_consisid_in_world",
            "FID of ConsisID's script (in-world)",
            "",
            Direction::Lower,
            2,
            "mean over frames with a face of the squared distance of their features from those of \
             the reference, in features of the in-world dual encoder; no distance of distributions, \
             and a frame that copies the reference is the best there is",
            "paper Table 1's FID, as ConsisID's script computes it, with an in-world network",
        ),
    ),
    (
        1,
        (
            "psnr",
            "PSNR",
            "dB",
            Direction::Higher,
            1,
            "peak signal-to-noise ratio of the generated frames against the filmed ones, mean \
             over a person's clips; it rewards place and light more than identity",
            "10·log10(255²/MSE)",
        ),
    ),
];
