//! Contact sheets: rows of square tiles on white, as PNG.

use image::{RgbImage, imageops};

use crate::engine::work::StageError;

/// White between tiles, pixels.
const GAP: u32 = 2;

/// A sheet of RGB tiles of one size; rows may differ in length.
pub(super) fn grid(rows: &[Vec<&[u8]>], size_px: usize) -> Result<Vec<u8>, StageError> {
    let side = size_px as u32;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let (width, height) = ((side + GAP) * columns, (side + GAP) * rows.len() as u32);
    let mut canvas = RgbImage::from_pixel(width.max(1), height.max(1), image::Rgb([255; 3]));
    for (y, row) in rows.iter().enumerate() {
        for (x, tile) in row.iter().enumerate() {
            if let Some(tile) = RgbImage::from_raw(side, side, tile.to_vec()) {
                let place = |at: usize| i64::from(at as u32 * (side + GAP) + GAP / 2);
                imageops::replace(&mut canvas, &tile, place(x), place(y));
            }
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    canvas
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|error| StageError::Failed(format!("cannot encode the contact sheet: {error}")))?;
    Ok(png.into_inner())
}
