//! A scene as SVG (text stays text) and as PNG (twice the logical resolution).

use image::ExtendedColorType;
use image::ImageEncoder as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::font;
use super::palette::Colour;
use super::scene::{Anchor, Mark, Point, Scene, TextStyle};
use crate::ReportError;

/// SVG units per logical pixel: plotters counts in whole units, a tenth of a pixel is fine enough.
const SVG_UNITS: f64 = 10.0;
/// Painted pixels per logical pixel; pairs are then averaged, which smooths every edge.
const PAINTED: f64 = 4.0;
/// Painted pixels per pixel of the file, in each direction.
const AVERAGED: usize = 2;

/// How a backend of plotters measures text.
#[derive(Clone, Copy)]
struct Canvas {
    /// Units per logical pixel.
    unit: f64,
    /// Plotters' font size of one em.
    size_per_em: f64,
    /// Distance from the top, where text is placed, down to its baseline, per font size.
    baseline: f64,
}

/// plotters-svg writes `font-size = size / 1.24` and shifts top-anchored text by 0.76 em.
const SVG: Canvas = Canvas { unit: SVG_UNITS, size_per_em: 1.24, baseline: 0.76 / 1.24 };
/// plotters' ab_glyph text takes the size for the line height and puts the baseline in its middle.
const BITMAP: Canvas = Canvas { unit: PAINTED, size_per_em: font::LINE_PER_EM, baseline: 0.5 };

/// The scene as a standalone SVG on white.
pub(crate) fn svg(chart: &str, title: &str, scene: &Scene) -> Result<String, ReportError> {
    let failed = |reason: String| ReportError::Draw { chart: chart.to_owned(), reason };
    let size = units(scene, SVG_UNITS);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        paint(&area, scene, SVG).map_err(failed)?;
        area.present().map_err(|error| failed(error.to_string()))?;
    }
    let (_, body) = text.split_once('\n').unwrap_or_default();
    let title = html_escape(title);
    // Plotters' own head would show the drawing ten times too large.
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" \
         viewBox=\"0 0 {} {}\" stroke-linejoin=\"round\" stroke-linecap=\"butt\" role=\"img\" \
         aria-label=\"{title}\">\n<title>{title}</title>\n{body}",
        scene.width, scene.height, size.0, size.1
    ))
}

/// The scene as a PNG on white, two pixels per logical pixel.
pub(crate) fn png(chart: &str, scene: &Scene) -> Result<Vec<u8>, ReportError> {
    let failed = |reason: String| ReportError::Draw { chart: chart.to_owned(), reason };
    let (small, width, height) = pixels(chart, scene)?;
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&small, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| failed(error.to_string()))?;
    Ok(file)
}

/// The scene as RGB pixels on white, two per logical pixel: pixels, width and height.
pub(crate) fn pixels(chart: &str, scene: &Scene) -> Result<(Vec<u8>, u32, u32), ReportError> {
    let failed = |reason: String| ReportError::Draw { chart: chart.to_owned(), reason };
    let (width, height) = units(scene, PAINTED);
    let mut pixels = vec![255; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        paint(&area, scene, BITMAP).map_err(failed)?;
        area.present().map_err(|error| failed(error.to_string()))?;
    }
    let (small, width, height) = averaged(&pixels, width as usize, height as usize);
    Ok((small, width as u32, height as u32))
}

/// Size in whole units, a multiple of what is averaged.
fn units(scene: &Scene, unit: f64) -> (u32, u32) {
    ((scene.width.ceil() * unit) as u32, (scene.height.ceil() * unit) as u32)
}

fn html_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Mean of each square of painted pixels.
fn averaged(pixels: &[u8], width: usize, height: usize) -> (Vec<u8>, usize, usize) {
    let (out_width, out_height) = (width / AVERAGED, height / AVERAGED);
    let mut small = vec![0; out_width * out_height * 3];
    let count = (AVERAGED * AVERAGED) as u16;
    for (y, row) in small.chunks_exact_mut(out_width * 3).enumerate() {
        let upper = &pixels[y * AVERAGED * width * 3..][..width * 3];
        let lower = &pixels[(y * AVERAGED + 1) * width * 3..][..width * 3];
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            for (channel, value) in pixel.iter_mut().enumerate() {
                let at = x * AVERAGED * 3 + channel;
                let sum = [upper[at], upper[at + 3], lower[at], lower[at + 3]];
                *value = ((sum.map(u16::from).iter().sum::<u16>() + count / 2) / count) as u8;
            }
        }
    }
    (small, out_width, out_height)
}

fn paint<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    scene: &Scene,
    canvas: Canvas,
) -> Result<(), String> {
    if !font::ready() {
        return Err("the embedded font cannot be read".to_owned());
    }
    area.fill(&rgb(Colour::Paper)).map_err(|error| error.to_string())?;
    for mark in &scene.marks {
        draw(area, mark, canvas).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn draw<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    mark: &Mark,
    canvas: Canvas,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let at = |(x, y): Point| ((x * canvas.unit).round() as i32, (y * canvas.unit).round() as i32);
    match mark {
        Mark::Line { points, thickness, colour } => {
            let thickness = (thickness * canvas.unit).round() as u32;
            let path: Vec<_> = points.iter().copied().map(at).collect();
            area.draw(&PathElement::new(path, rgb(*colour).stroke_width(thickness)))
        }
        Mark::Area { points, colour, opacity } => {
            let path: Vec<_> = points.iter().copied().map(at).collect();
            area.draw(&Polygon::new(path, rgb(*colour).mix(*opacity)))
        }
        Mark::Dot { centre, radius, colour } => {
            let radius = (radius * canvas.unit).round() as i32;
            area.draw(&Circle::new(at(*centre), radius, rgb(*colour).filled()))
        }
        Mark::Text { at: place, text, style } => {
            let size = style.size * canvas.size_per_em * canvas.unit;
            let (x, baseline) = at(*place);
            let top = baseline - (size * canvas.baseline).round() as i32;
            area.draw(&Text::new(text.as_str(), (x, top), plotters_style(*style, size)))
        }
    }
}

fn plotters_style(style: TextStyle, size: f64) -> plotters::style::TextStyle<'static> {
    let horizontal = match style.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    plotters::style::TextStyle {
        font: font::at(size, style.bold),
        color: rgb(style.colour).to_backend_color(),
        pos: Pos::new(horizontal, VPos::Top),
    }
}

fn rgb(colour: Colour) -> RGBColor {
    let (r, g, b) = colour.rgb();
    RGBColor(r, g, b)
}
