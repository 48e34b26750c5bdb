//! Charts: laid out once as a scene, painted as SVG and as PNG.

mod abscissa;
mod axis;
mod curve;
mod figure;
mod font;
mod lines;
mod paint;
mod palette;
mod panel;
mod published;
mod scene;

pub(crate) use figure::{Figure, Width};
pub(crate) use paint::{png, svg};
pub(crate) use palette::{themed, variables};
