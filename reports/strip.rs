//! Strips of small pictures: words at the left, a row of pictures with words below each.

use image::{ImageFormat, RgbImage};

use crate::ReportError;
use crate::chart::palette::Colour;
use crate::chart::pixels;
use crate::chart::scene::{Scene, TextStyle};
use crate::contact::paste;

/// Side of a picture in logical pixels.
const SIDE: u32 = 62;
/// Gap between pictures.
const GAP: u32 = 4;
/// Gap between strips and around them.
const APART: u32 = 12;
/// Height of a line of words.
const LINE: u32 = 13;
/// Width of the words at the left.
const WORDS: u32 = 150;
/// Size of the words.
const SIZE: f64 = 10.0;
/// Size of the words below a picture.
const SMALL: f64 = 8.5;

/// A row of pictures.
#[derive(Clone, Debug)]
pub struct Strip {
    /// Lines at the left, the first in bold.
    pub words: Vec<String>,
    /// The pictures, each with lines below.
    pub pictures: Vec<(RgbImage, Vec<String>)>,
}

/// Strips one below the other as a PNG on white.
pub fn strips(strips: &[Strip]) -> Result<Vec<u8>, ReportError> {
    let most = strips.iter().map(|strip| strip.pictures.len()).max().unwrap_or(0) as u32;
    let width = 2 * APART + WORDS + most * (SIDE + GAP);
    let tops: Vec<u32> = strips
        .iter()
        .scan(APART, |top, strip| {
            let own = *top;
            *top += SIDE + LINE * strip.lines_below() + APART;
            Some(own)
        })
        .collect();
    let last = strips.last().map_or(0, |strip| SIDE + LINE * strip.lines_below());
    let height = tops.last().copied().unwrap_or(0) + last + APART;
    let mut scene = Scene::new(f64::from(width), f64::from(height));
    strips.iter().zip(&tops).for_each(|(strip, top)| strip.write(&mut scene, *top));
    let failed = |reason: String| ReportError::Draw { chart: "strips".to_owned(), reason };
    let (pixels, wide, high) = pixels("strips", &scene)?;
    let mut canvas = RgbImage::from_raw(wide, high, pixels)
        .ok_or_else(|| failed("its size does not fit its pixels".to_owned()))?;
    for (strip, top) in strips.iter().zip(&tops) {
        for (place, (picture, _)) in strip.pictures.iter().enumerate() {
            paste(&mut canvas, picture, [left(place), *top], SIDE);
        }
    }
    let mut file = std::io::Cursor::new(Vec::new());
    canvas.write_to(&mut file, ImageFormat::Png).map_err(|error| failed(error.to_string()))?;
    Ok(file.into_inner())
}

impl Strip {
    fn lines_below(&self) -> u32 {
        self.pictures.iter().map(|(_, words)| words.len() as u32).max().unwrap_or(0)
    }

    fn write(&self, scene: &mut Scene, top: u32) {
        let high = self.words.len() as u32 * (LINE + 2);
        let first = top + LINE + SIDE.saturating_sub(high) / 2 - 2;
        for (line, words) in self.words.iter().enumerate() {
            let ink = TextStyle::new(SIZE, if line == 0 { Colour::Ink } else { Colour::Muted });
            let style = if line == 0 { ink.bold() } else { ink };
            let place = (f64::from(APART), f64::from(first + (LINE + 2) * line as u32));
            scene.text(place, words.as_str(), style);
        }
        for (place, (_, words)) in self.pictures.iter().enumerate() {
            for (line, text) in words.iter().enumerate() {
                let at =
                    (f64::from(left(place)), f64::from(top + SIDE + LINE * (line as u32 + 1) - 2));
                scene.text(at, text.as_str(), TextStyle::new(SMALL, Colour::Ink));
            }
        }
    }
}

fn left(place: usize) -> u32 {
    APART + WORDS + place as u32 * (SIDE + GAP)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::{Strip, strips};

    #[test]
    fn pictures_stand_in_rows_beside_their_words() {
        let tile = |red: u8| (RgbImage::from_pixel(8, 8, Rgb([red, 0, 0])), vec!["88°".to_owned()]);
        let strip = |red: u8| Strip {
            words: vec!["frontal".into(), "#3, #562".into()],
            pictures: vec![tile(red), tile(red + 1)],
        };
        let png = strips(&[strip(100), strip(200)]).unwrap();
        let image = image::load_from_memory(&png).unwrap().to_rgb8();
        let at = |x: u32, y: u32| image.get_pixel(2 * x, 2 * y).0[0];
        let (first, second) = (12 + 150 + 30, 12 + 150 + 66 + 30);
        assert_eq!([at(first, 40), at(second, 40)], [100, 101]);
        assert_eq!(at(first, 12 + 62 + 13 + 12 + 30), 200, "the second strip is below the words");
        assert!(image.pixels().any(|pixel| pixel.0[0] < 80), "words are written");
        assert!(strips(&[]).is_ok());
    }
}
