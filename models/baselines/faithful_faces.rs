//! FaithfulFaces: VACE, and the aligner's S on every noisy token.

use super::carriers::{AdapterSpec, SharedSpec};
use super::mechanism::{Mechanism, TrainsSpec};
use super::vace::vace;

/// VACE tuned by adapters of this rank on the projections of queries, keys and values "in each
/// block", base and branch alike (the paper's is 128), with an S of `shared_width` values added to
/// the noisy tokens. Without S it is the paper's "w/o aligner".
pub fn faithful_faces(rank: usize, shared_width: usize) -> Mechanism {
    let targets = ["q", "k", "v"].map(|layer| format!("self_attn.{layer}"));
    let adapter =
        AdapterSpec { targets: targets.into(), ..AdapterSpec::on_self_attention("video", rank) };
    Mechanism {
        name: "faithful_faces".into(),
        shared: Some(SharedSpec { injection: "add".into(), width: shared_width }),
        adapters: vec![adapter],
        adapter: Some("video".into()),
        trains: TrainsSpec::default(),
        ..vace()
    }
}
