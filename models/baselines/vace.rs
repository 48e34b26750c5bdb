//! VACE (Jiang et al. 2025): the reference stands in a control latent, read by a branch of its own.

use super::carriers::ControlSpec;
use super::mechanism::{Mechanism, TrainsSpec};
use super::pass::PassSpec;

/// VACE with references alone: every pixel is generated, guidance 5 with the references in both
/// passes. Published with UniPC, 50 steps and a shift of 16. Trained is the branch alone ("context
/// adapter tuning").
pub fn vace() -> Mechanism {
    let branch = vec!["vace_patch_embedding".to_owned(), "vace_blocks".to_owned()];
    Mechanism {
        name: "vace".into(),
        control: Some(ControlSpec::default()),
        passes: PassSpec::classifier_free(5.0),
        trains: TrainsSpec { modules: branch.clone(), published: branch },
        ..Mechanism::default()
    }
}
