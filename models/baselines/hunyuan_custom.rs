//! HunyuanCustom's time-concat (Hu et al. 2025), on Wan's blocks instead of its own.

use super::carriers::{ImageEntry, ImageSpec};
use super::mechanism::{Mechanism, TrainsSpec};
use super::offset::Offset;
use super::pass::{PassSpec, Presence};
use super::segment::SegmentSpec;

/// A frame at time −1, width W of the video's grid, with the video's timestep and modulation, that
/// sees everything; guidance 7.5 with the frame in both passes. `image_dim` gives tokens of an
/// image encoder of that width a place behind the text, where the original has those of its
/// language model. Published with Euler, 30 steps and a shift of 13; all weights are trained.
///
/// Its own network joins text and video in one sequence; on Wan the frame sees the text through
/// cross-attention. The angles of the positions turn at Wan's rate instead of θ = 256.
pub fn hunyuan_custom(image_dim: Option<usize>) -> Mechanism {
    let image = image_dim.map(|dim| ImageSpec { dim, enters: ImageEntry::Text });
    Mechanism {
        name: "hunyuan_custom".into(),
        segments: vec![SegmentSpec {
            offset: [Offset::at(-1), Offset::at(0), Offset::END],
            ..SegmentSpec::default()
        }],
        image,
        passes: PassSpec::classifier_free(7.5),
        trains: TrainsSpec { modules: vec![], published: vec!["*".into()] },
        ..Mechanism::default()
    }
}

/// With the third pass that its code has and leaves off: u + 7.5·(c − u) + `image`·(i − c), where
/// u and c see a reference without content and i the one given.
pub fn hunyuan_custom_with_image_pass(image_dim: Option<usize>, image: f64) -> Mechanism {
    let mut mechanism = hunyuan_custom(image_dim);
    for pass in &mut mechanism.passes {
        pass.identity = Presence::Blank;
    }
    mechanism.passes.push(PassSpec { name: "image".into(), scale: image, ..PassSpec::default() });
    mechanism
}
