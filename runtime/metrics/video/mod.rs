//! Metrics of clips, computed from what networks saw in their frames.

pub mod anchors;
pub mod clip_score;
pub mod clustered;
pub mod face_rate;
pub mod facesim;
pub mod fid_consisid;
pub mod fid_pooled;
#[cfg(test)]
mod made_up;
pub mod networks;
pub mod pose_curve;
pub mod pose_error;
pub mod pose_map;
pub mod refusal;
pub mod rows;
pub mod rules;
pub mod temporal_consistency;
pub mod turn;
pub mod values;

pub use clustered::{Clustered, clustered};
pub use fid_pooled::{Crops, Pooled};
pub use networks::{Loss, Networks};
pub use refusal::Refusal;
pub use rules::Rules;
pub use values::{Value, of_clip, of_method};
