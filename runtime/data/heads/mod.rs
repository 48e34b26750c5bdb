//! The embedded world: invented people, drawn as heads with exact identities and angles.
//!
//! `stills` and `clip` draw; `export` and `preview` write what they drew. Everything comes from
//! one seed, through `ffrun_models::stream`.

mod ambient;
mod anatomy;
mod backdrop;
mod camera;
mod caption;
mod clip;
mod colouring;
mod error;
mod export;
mod expression;
mod family;
mod grid;
mod hair;
mod identity;
mod label;
mod light;
mod mesh;
mod model;
mod motion;
mod noise;
mod normals;
mod occluder;
mod outfit;
mod places;
mod pose;
mod posed;
mod poses_file;
mod preview;
mod raster;
mod scene;
mod shade;
mod shape;
mod skull;
mod split;
mod still;
mod teeth;
mod torso;
mod track;
mod vector;
mod view;

pub use clip::{Clip, clip};
pub use error::HeadsError;
pub use export::{export_clips, export_stills, labels_csv};
pub use family::Family;
pub use grid::pose_grid;
pub use label::Label;
pub use pose::Pose;
pub use poses_file::read_poses;
pub use preview::{preview_clips, preview_stills};
pub use split::Split;
pub use still::{CROP, Faces, Still, stills, stills_at, stills_of};
pub use track::track;
