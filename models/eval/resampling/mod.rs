//! Resizing exactly as the tools of the field do it: Pillow, OpenCV and PyTorch.

mod cv2;
mod filter;
mod pil;
mod planes;

pub use cv2::resized_as_cv2;
pub use filter::Filter;
pub use pil::resized_as_pil;
pub use planes::{Kernel, resized};
