//! ConsisID (Yuan et al. 2024), on Wan's blocks instead of CogVideoX's.

use super::channels::ChannelsSpec;
use super::face::FaceSpec;
use super::mechanism::{Mechanism, TrainsSpec};
use super::pass::PassSpec;

/// The reference's latent as channels of the first frame, and face modules of these sizes that add
/// what the video's tokens read of the face behind every second block, the first included;
/// guidance 6 with the person in both passes. The paper puts them "between" blocks; the released
/// code after blocks 0, 2, 4, …, without gate. Everything is trained.
pub fn consisid(face: FaceSpec) -> Mechanism {
    Mechanism {
        name: "consisid".into(),
        channels: Some(ChannelsSpec::FirstFrame),
        face: Some(face),
        passes: PassSpec::classifier_free(6.0),
        trains: TrainsSpec { modules: vec!["patch_embedding".into()], published: vec!["*".into()] },
        ..Mechanism::default()
    }
}
