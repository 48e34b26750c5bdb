//! Charts: laid out once as a scene, painted as SVG and as PNG.

mod abscissa;
mod axis;
mod curve;
mod figure;
pub(crate) mod font;
mod given;
mod lines;
mod map;
mod paint;
pub(crate) mod palette;
mod panel;
mod published;
pub(crate) mod scene;

pub use map::{Map, MapCell};

pub(crate) use figure::{Figure, Width};
pub(crate) use map::scene as map_scene;
pub(crate) use paint::{pixels, png, svg};
pub(crate) use palette::{themed, variables};
