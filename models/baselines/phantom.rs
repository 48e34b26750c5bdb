//! Phantom (Liu et al. 2025): clean reference frames behind the video's, and no new parameters.

use super::mechanism::{Mechanism, TrainsSpec};
use super::offset::Offset;
use super::pass::{PassSpec, Presence};
use super::segment::SegmentSpec;

/// Any number of references, each one more frame at the end of time with the video's own timestep
/// and text; everything sees everything. Three passes: negative text with references of *zeros*
/// (which stay in the sequence), the references with the negative text at 5.0, both at 7.5.
/// Published with UniPC, 50 steps and a shift of 5; all weights are trained.
///
/// Its own code carries the reference frames along in the running latent and overwrites them before
/// every pass. That is the same as segments: what the solver makes of those frames is never read.
pub fn phantom() -> Mechanism {
    let pass = |name: &str, prompt, identity, scale| PassSpec {
        name: name.into(),
        prompt,
        identity,
        scale,
    };
    let behind = [Offset::END, Offset::at(0), Offset::at(0)];
    Mechanism {
        name: "phantom".into(),
        segments: vec![SegmentSpec { offset: behind, ..SegmentSpec::default() }],
        passes: vec![
            pass("negative", false, Presence::Blank, 1.0),
            pass("reference", false, Presence::Given, 5.0),
            pass("positive", true, Presence::Given, 7.5),
        ],
        trains: TrainsSpec { modules: vec![], published: vec!["*".into()] },
        ..Mechanism::default()
    }
}
