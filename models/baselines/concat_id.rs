//! Concat-ID (Zhong et al. 2025): one clean frame behind the video's and beside its grid.

use super::carriers::ModulationSpec;
use super::mechanism::{Mechanism, TrainsSpec};
use super::offset::Offset;
use super::pass::PassSpec;
use super::segment::SegmentSpec;

/// Which weights of Concat-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcatIdStage {
    /// `first_stage.pt`: the reference is modulated as the video is.
    First,
    /// `second_stage_adaln.pt` as its code runs it, for inference and training alike: the
    /// reference's feed-forward is shifted and scaled by the rows that belong to its attention.
    /// Rows 3 and 4 of its modulation therefore never train, and a copy of the base's modulation
    /// does not begin as the first stage. The released weights expect this form.
    AdaLn,
    /// The second stage as the paper means it, each part with its own rows. Not for the released
    /// weights: the output moves by 0.4 %.
    AdaLnIntended,
}

/// A frame at time F, width W of the video's grid, with the video's timestep. It takes part in
/// self-attention and feed-forward but sees no text; both passes of guidance 5 carry it, and the
/// loss is on the video alone, unweighted. All weights are trained.
pub fn concat_id(stage: ConcatIdStage) -> Mechanism {
    let adaln = stage != ConcatIdStage::First;
    let set =
        ModulationSpec { name: "ref".into(), ffn_reuses_attention: stage == ConcatIdStage::AdaLn };
    let modules = ["time_projection_ref", "blocks.*.modulation_ref"].map(str::to_owned);
    Mechanism {
        name: if adaln { "concat_id" } else { "concat_id_first_stage" }.into(),
        segments: vec![SegmentSpec {
            offset: [Offset::END, Offset::at(0), Offset::END],
            modulation: adaln.then(|| "ref".into()),
            sees_text: false,
            ..SegmentSpec::default()
        }],
        modulations: if adaln { vec![set] } else { vec![] },
        passes: PassSpec::classifier_free(5.0),
        trains: TrainsSpec {
            modules: if adaln { modules.into() } else { vec![] },
            published: vec!["*".into()],
        },
        ..Mechanism::default()
    }
}
