//! What several settings made of the same question, side by side and moving: a heading above each
//! column, a word before each row.

use image::{
    Delay, Frame, RgbImage, RgbaImage,
    buffer::ConvertBuffer,
    codecs::gif::{GifEncoder, Repeat},
    imageops::{self, FilterType},
};

use crate::ReportError;
use crate::chart::palette::Colour;
use crate::chart::scene::{Anchor, Scene, TextStyle};
use crate::chart::{font, pixels};

/// Size of all words.
const TEXT: f64 = 11.0;
/// Height of a line of a heading.
const LINE: f64 = 13.0;
/// White between tiles.
const GAP: u32 = 3;
/// Room around the sheet.
const MARGIN: u32 = 8;
/// Side of a tile while there are few columns, and of one among many.
const SIDES: [u32; 2] = [96, 64];
/// Most columns of large tiles.
const FEW: usize = 7;
/// Effort of the palette, 1 (best) to 30: colours of a sheet look the same at both ends.
const PALETTE_SPEED: i32 = 10;

/// One column: what it shows, and a moving tile for each row.
#[derive(Clone, Debug)]
pub struct Column {
    /// Words above it, broken into lines where they are long.
    pub heading: String,
    /// Frames of each row's tile.
    pub tiles: Vec<Vec<RgbImage>>,
}

/// An endless GIF on white, so many frames a second. A tile with fewer frames than others stands still
/// on its last; `rows` are the words before the rows.
///
/// # Errors
/// Without a font, or where an encoder fails.
pub fn side_by_side(columns: &[Column], rows: &[String], fps: f64) -> Result<Vec<u8>, ReportError> {
    let failed = |error: &dyn ToString| ReportError::Draw {
        chart: "side by side".to_owned(),
        reason: error.to_string(),
    };
    let layout = Layout::new(columns, rows);
    let paper = layout.words(columns, rows)?;
    let tiles = || columns.iter().flat_map(|column| &column.tiles);
    let frames = tiles().map(Vec::len).max().unwrap_or(0);
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut gif, PALETTE_SPEED);
    encoder.set_repeat(Repeat::Infinite).map_err(|error| failed(&error))?;
    let delay = Delay::from_numer_denom_ms((1000.0 / fps.max(0.1)) as u32, 1);
    for frame in 0..frames {
        let mut sheet = paper.clone();
        for (x, column) in columns.iter().enumerate() {
            for (y, tile) in column.tiles.iter().enumerate() {
                if let Some(picture) = tile.get(frame).or(tile.last()) {
                    layout.paste(&mut sheet, picture, [x as u32, y as u32]);
                }
            }
        }
        let sheet: RgbaImage = sheet.convert();
        encoder
            .encode_frame(Frame::from_parts(sheet, 0, 0, delay))
            .map_err(|error| failed(&error))?;
    }
    drop(encoder);
    Ok(gif)
}

/// Where everything stands, in pixels.
struct Layout {
    side: u32,
    left: u32,
    top: u32,
    size: [u32; 2],
}

impl Layout {
    fn new(columns: &[Column], rows: &[String]) -> Self {
        let side = if columns.len() <= FEW { SIDES[0] } else { SIDES[1] };
        let lines = columns.iter().map(|column| broken(&column.heading, side).len());
        let words = rows.iter().map(|row| font::width(row, TEXT, false)).fold(0.0, f64::max);
        let left = MARGIN + if words > 0.0 { words.ceil() as u32 + MARGIN } else { 0 };
        let top = MARGIN + lines.max().unwrap_or(0) as u32 * LINE as u32 + GAP;
        let count = columns.iter().map(|column| column.tiles.len()).max().unwrap_or(0) as u32;
        let end = |start: u32, count: u32| start + count * (side + GAP) + MARGIN;
        Self { side, left, top, size: [end(left, columns.len() as u32), end(top, count)] }
    }

    fn corner(&self, [x, y]: [u32; 2]) -> [u32; 2] {
        [self.left + x * (self.side + GAP), self.top + y * (self.side + GAP)]
    }

    /// The sheet without its tiles.
    fn words(&self, columns: &[Column], rows: &[String]) -> Result<RgbImage, ReportError> {
        let mut scene = Scene::new(f64::from(self.size[0]), f64::from(self.size[1]));
        let half = f64::from(self.side) / 2.0;
        for (x, column) in columns.iter().enumerate() {
            let [left, top] = self.corner([x as u32, 0]);
            let style = TextStyle::new(TEXT, Colour::Ink).anchored(Anchor::Middle);
            // Headings stand on their columns, however many lines they have.
            for (up, line) in broken(&column.heading, self.side).iter().rev().enumerate() {
                let baseline = f64::from(top) - 4.0 - LINE * up as f64;
                scene.text((f64::from(left) + half, baseline), line.as_str(), style);
            }
        }
        for (y, row) in rows.iter().enumerate() {
            let [left, top] = self.corner([0, y as u32]);
            let style = TextStyle::new(TEXT, Colour::Muted).anchored(Anchor::End);
            let at = (f64::from(left - MARGIN), f64::from(top) + half + TEXT * 0.36);
            scene.text(at, row.as_str(), style);
        }
        let (painted, width, height) = pixels("side by side", &scene)?;
        let painted = RgbImage::from_raw(width, height, painted).ok_or_else(|| {
            let reason = "its size does not fit its pixels".to_owned();
            ReportError::Draw { chart: "side by side".to_owned(), reason }
        })?;
        Ok(imageops::resize(&painted, self.size[0], self.size[1], FilterType::Triangle))
    }

    fn paste(&self, sheet: &mut RgbImage, picture: &RgbImage, place: [u32; 2]) {
        let [x, y] = self.corner(place);
        let tile = imageops::resize(picture, self.side, self.side, FilterType::CatmullRom);
        imageops::replace(sheet, &tile, i64::from(x), i64::from(y));
    }
}

/// A heading in lines no wider than its column; a single word may be wider.
fn broken(heading: &str, side: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in heading.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match longer.filter(|line| font::width(line, TEXT, false) <= f64::from(side)) {
            Some(longer) => {
                lines.pop();
                lines.push(longer);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use image::{AnimationDecoder, Rgb, RgbImage, codecs::gif::GifDecoder};

    use super::{Column, broken, side_by_side};

    #[test]
    fn every_tile_stands_in_its_column_and_row_and_moves() {
        let plain = |colour: [u8; 3]| RgbImage::from_pixel(8, 8, Rgb(colour));
        let columns = [
            Column {
                heading: "reference".into(),
                tiles: vec![vec![plain([200, 0, 0])], vec![plain([0, 200, 0])]],
            },
            Column {
                heading: "aligner and Euler embedding".into(),
                tiles: vec![vec![plain([0, 0, 0]), plain([0, 0, 200])]],
            },
        ];
        let gif = side_by_side(&columns, &[String::new(), String::new()], 4.0).unwrap();
        let frames = GifDecoder::new(std::io::Cursor::new(gif)).unwrap().into_frames();
        let frames: Vec<_> = frames.map(|frame| frame.unwrap()).collect();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].delay().numer_denom_ms(), (250, 1));
        let heading = 2 * 13 + 8 + 3;
        let near = |frame: usize, [x, y]: [u32; 2], colour: [u8; 3]| {
            let pixel = frames[frame].buffer().get_pixel(8 + x * 99 + 48, heading + y * 99 + 48);
            pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 16)
        };
        assert!(near(0, [0, 0], [200, 0, 0]) && near(1, [0, 0], [200, 0, 0]), "stands still");
        assert!(near(0, [0, 1], [0, 200, 0]));
        assert!(near(0, [1, 0], [0, 0, 0]) && near(1, [1, 0], [0, 0, 200]), "moves");
        assert!(near(0, [1, 1], [255, 255, 255]), "nothing where there is no tile");
    }

    #[test]
    fn headings_break_between_words() {
        assert_eq!(broken("aligner and Euler embedding", 96), ["aligner and Euler", "embedding"]);
        assert_eq!(broken("incomprehensibilities of", 40), ["incomprehensibilities", "of"]);
        assert_eq!(broken("", 96), [""; 0]);
    }
}
