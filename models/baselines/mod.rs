//! The open methods of the paper's Table 1 on one backbone: each is a [`Mechanism`], plain data
//! that says which tokens stand beside the video, which channels behind it, what is added between
//! blocks, which passes a step takes and what is trained. One [`Method`] runs them all through
//! [`crate::wan`] and [`crate::pipeline`]; none has a block or a sampling loop of its own.

mod canvas;
mod carriers;
mod channels;
mod concat_id;
mod consisid;
mod face;
mod faithful_faces;
mod fitting;
mod generate;
mod hunyuan_custom;
mod identity;
mod magref;
mod mechanism;
mod memory;
mod method;
mod offset;
mod operations;
mod pass;
mod pass_input;
mod phantom;
mod segment;
mod skyreels_a2;
mod stand_in;
mod start;
mod vace;

#[cfg(test)]
mod published_tests;
#[cfg(test)]
mod test_scene;
#[cfg(test)]
mod tests;

pub use canvas::{Canvas, CanvasOrder, canvas_cells};
pub use carriers::{
    AdapterSpec, AdapterStart, ControlSpec, ImageEntry, ImageSpec, ModulationSpec, SharedSpec,
};
pub use channels::{ChannelsSpec, ReferencePictures, region_cells};
pub use concat_id::{ConcatIdStage, concat_id};
pub use consisid::consisid;
pub use face::{Face, FaceInput, FaceReading, FaceSpec};
pub use faithful_faces::faithful_faces;
pub use fitting::{Place, cropped_to, fitted_on_white, over_white, padded_to};
pub use hunyuan_custom::{hunyuan_custom, hunyuan_custom_with_image_pass};
pub use identity::{Identity, Sources};
pub use magref::magref;
pub use mechanism::{Mechanism, TrainsSpec};
pub use memory::Memory;
pub use method::{Method, Told};
pub use offset::Offset;
pub use operations::{Load, operations};
pub use pass::{PassSpec, Presence};
pub use pass_input::PassInput;
pub use phantom::phantom;
pub use segment::{Keys, SegmentSpec};
pub use skyreels_a2::{skyreels_a2, skyreels_a2_intended};
pub use stand_in::{stand_in, stand_in_intended, stand_in_with_vace};
pub use start::starting_weights;
pub use vace::vace;
