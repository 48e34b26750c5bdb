//! Charts: laid out once as a scene, painted as SVG and as PNG.

mod abscissa;
mod axis;
mod behind;
mod curve;
mod figure;
pub(crate) mod font;
mod given;
mod label;
mod lines;
mod map;
mod matrix;
mod paint;
pub(crate) mod palette;
mod panel;
mod pareto;
mod published;
mod scatter;
pub(crate) mod scene;

pub use map::{Map, MapCell};
pub use matrix::{Matrix, MatrixRow};
pub use scatter::{Scatter, ScatterPoint};

pub(crate) use figure::{Figure, Width};
pub(crate) use map::scene as map_scene;
pub(crate) use matrix::scene as matrix_scene;
pub(crate) use paint::{pixels, png, svg};
pub(crate) use palette::{themed, variables};
pub(crate) use scatter::scene as scatter_scene;
