//! Contact sheets: pairs of small pictures with words below, such as a frame beside its reference.

use image::{ImageFormat, RgbImage, imageops};

use crate::ReportError;
use crate::chart::palette::Colour;
use crate::chart::pixels;
use crate::chart::scene::{Scene, TextStyle};

/// Side of a picture in logical pixels.
const SIDE: u32 = 80;
/// Gap between the pictures of a pair.
const GAP: u32 = 3;
/// Gap between pairs.
const APART: u32 = 18;
/// Height of a line of words.
const LINE: u32 = 13;
/// Pairs in a row.
const COLUMNS: usize = 4;
/// Pixels of the file per logical pixel, as charts have them.
const SCALE: u32 = 2;

/// Two pictures and what is to be said of them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The left picture.
    pub left: RgbImage,
    /// The right one.
    pub right: RgbImage,
    /// Lines below, the first in bold. Long ones are cut.
    pub words: Vec<String>,
}

/// A sheet of pairs as a PNG on white.
pub fn sheet(pairs: &[Pair]) -> Result<Vec<u8>, ReportError> {
    let lines = pairs.iter().map(|pair| pair.words.len()).max().unwrap_or(0) as u32;
    let (wide, high) = (2 * SIDE + GAP + APART, SIDE + LINE * lines + APART);
    let columns = pairs.len().clamp(1, COLUMNS) as u32;
    let rows = pairs.len().div_ceil(COLUMNS) as u32;
    let mut scene =
        Scene::new(f64::from(wide * columns + APART), f64::from(high * rows.max(1) + APART));
    let corner = |at: usize| {
        let (row, column) = (at / COLUMNS, at % COLUMNS);
        (APART + wide * column as u32, APART + high * row as u32)
    };
    for (at, pair) in pairs.iter().enumerate() {
        let (x, y) = corner(at);
        for (line, words) in pair.words.iter().enumerate() {
            let place = (f64::from(x), f64::from(y + SIDE + LINE * (line as u32 + 1)));
            let style = TextStyle::new(9.0, if line == 0 { Colour::Ink } else { Colour::Muted });
            let style = if line == 0 { style.bold() } else { style };
            scene.text(place, fitting(words, f64::from(2 * SIDE + GAP), line == 0), style);
        }
    }
    let failed = |reason: String| ReportError::Draw { chart: "contact sheet".to_owned(), reason };
    let (pixels, width, height) = pixels("contact sheet", &scene)?;
    let mut canvas = RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| failed("its size does not fit its pixels".to_owned()))?;
    for (at, pair) in pairs.iter().enumerate() {
        let (x, y) = corner(at);
        paste(&mut canvas, &pair.left, [x, y], SIDE);
        paste(&mut canvas, &pair.right, [x + SIDE + GAP, y], SIDE);
    }
    let mut file = std::io::Cursor::new(Vec::new());
    canvas.write_to(&mut file, ImageFormat::Png).map_err(|error| failed(error.to_string()))?;
    Ok(file.into_inner())
}

/// Puts a picture into a square of the sheet, whole and in the middle; lengths in logical pixels.
pub(crate) fn paste(canvas: &mut RgbImage, picture: &RgbImage, [x, y]: [u32; 2], side: u32) {
    let side = side * SCALE;
    let longest = picture.width().max(picture.height()).max(1);
    let fit = |length: u32| (length * side / longest).max(1);
    let (width, height) = (fit(picture.width()), fit(picture.height()));
    let small = imageops::resize(picture, width, height, imageops::FilterType::Triangle);
    let at = |start: u32, length: u32| i64::from(start * SCALE + (side - length) / 2);
    imageops::replace(canvas, &small, at(x, width), at(y, height));
}

/// A text that fits, cut at its start where it is too long: ends of paths tell more.
fn fitting(text: &str, width: f64, bold: bool) -> String {
    let fits = |text: &str| crate::chart::font::width(text, 9.0, bold) <= width;
    let mut kept = text.to_owned();
    while !fits(&kept) {
        let short: String = kept.trim_start_matches('…').chars().skip(1).collect();
        kept = format!("…{short}");
    }
    kept
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::{Pair, fitting, sheet};

    #[test]
    fn pictures_stand_side_by_side_above_their_words() {
        let pair = |at: u8| Pair {
            left: RgbImage::from_pixel(40, 40, Rgb([200, at, 0])),
            right: RgbImage::from_pixel(40, 20, Rgb([0, at, 200])),
            words: vec!["0.12".into(), "a long name of a folder/and of a clip in it.mp4".into()],
        };
        let png = sheet(&[pair(0), pair(1), pair(2), pair(3), pair(4)]).unwrap();
        let image = image::load_from_memory(&png).unwrap().to_rgb8();
        let at = |x: u32, y: u32| image.get_pixel(2 * x, 2 * y).0;
        assert_eq!(at(18 + 5, 18 + 5), [200, 0, 0]);
        assert_eq!(at(18 + 83 + 5, 18 + 40), [0, 0, 200]);
        assert_eq!(at(18 + 83 + 5, 18 + 5), [255, 255, 255], "a flat picture lies in the middle");
        assert_eq!(at(18 + 5, 18 + 80 + 26 + 18 + 5), [200, 4, 0], "the fifth opens a row");
        assert!(sheet(&[]).is_ok());
    }

    #[test]
    fn long_words_lose_their_start() {
        let cut = fitting("clips/of/a/method/ann-000123.mp4", 80.0, false);
        assert!(cut.starts_with('…') && cut.ends_with("123.mp4"), "{cut}");
        assert_eq!(fitting("ann", 80.0, false), "ann");
    }
}
