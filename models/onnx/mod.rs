//! Networks from ONNX files, run on the CPU: the detectors and recognisers that users bring.
//!
//! A file is parsed into a [`Graph`]; [`Network`] fixes the size of its input, computes ahead all
//! that does not depend on the pixels, fuses what can be fused, and runs on the calling thread in
//! memory that was planned once. Pictures lie with their channels innermost, whatever the file says:
//! its transpositions then cost nothing.

mod aligned;
mod array;
mod attributes;
mod broadcast;
mod compile;
mod convolution;
mod dense;
mod depthwise;
mod element;
mod error;
mod gather;
mod graph;
mod layout;
mod lowering;
mod memory;
mod network;
mod pool;
mod product;
mod proto;
mod reduce;
mod resize;
mod shape_arithmetic;
mod step;
mod window;

pub use error::{OnnxError, OnnxResult};
pub use graph::Graph;
pub use network::{Feed, Network};
