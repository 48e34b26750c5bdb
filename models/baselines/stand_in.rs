//! Stand-In (Xue et al. 2025): a face beside the video that looks at nothing but itself.

use super::carriers::{AdapterSpec, AdapterStart, ControlSpec};
use super::mechanism::Mechanism;
use super::offset::Offset;
use super::pass::PassSpec;
use super::segment::{Keys, SegmentSpec};

/// The face at time −1, height H and width W of the video's grid, at timestep 0, without text. The
/// video sees it and it sees itself, with adapters of this rank (published: 128) on its own
/// queries, keys and values alone; both passes of guidance 5 carry it. Published with Euler, 20
/// steps and a shift of 5.
///
/// Its keys and values are the same in every pass, and computed once. The released code never
/// clears them: a later video without a reference would silently show the face before. So it is
/// here, where a [`super::Memory`] is used for several videos; [`stand_in_intended`] forgets.
pub fn stand_in(rank: usize) -> Mechanism {
    let adapter = AdapterSpec {
        start: AdapterStart::Normal,
        ..AdapterSpec::on_self_attention("reference", rank)
    };
    Mechanism {
        name: "stand_in".into(),
        segments: vec![SegmentSpec {
            offset: [Offset::at(-1), Offset::END, Offset::END],
            timestep: Some(0.0),
            sees_text: false,
            attends_to: vec!["self".into()],
            adapter: Some("reference".into()),
            keys: Keys::Kept,
            ..SegmentSpec::default()
        }],
        adapters: vec![adapter],
        passes: PassSpec::classifier_free(5.0),
        ..Mechanism::default()
    }
}

/// Stand-In that forgets a face when its video is done.
pub fn stand_in_intended(rank: usize) -> Mechanism {
    let mut mechanism = stand_in(rank);
    for segment in &mut mechanism.segments {
        segment.keys = Keys::Remembered;
    }
    mechanism
}

/// Stand-In on a VACE base: the control steers the video, and its branch never sees the face.
pub fn stand_in_with_vace(rank: usize) -> Mechanism {
    Mechanism {
        name: "stand_in_vace".into(),
        control: Some(ControlSpec { references: false, scale: 1.0 }),
        ..stand_in(rank)
    }
}
