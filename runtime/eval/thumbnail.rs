//! Small pictures of what was looked at, for the contact sheet.

use ffrun_models::eval::picture::Picture;
use image::{
    RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{self, FilterType},
};

use crate::engine::work::StageError;

/// Longest side in pixels.
pub(super) const SIDE: u32 = 160;
/// JPEG quality, of 100.
const QUALITY: u8 = 85;
/// How much of the frame around a face is shown, in sides of its box: hair and shoulders tell where
/// one is.
const AROUND: f32 = 1.8;

/// A frame, or the part around a face `[left, top, right, bottom]` in pixels, as a small JPEG.
pub(super) fn thumbnail(frame: &Picture, face: Option<[f32; 4]>) -> Result<Vec<u8>, StageError> {
    let [height, width] = frame.size().map(|side| side as u32);
    let [x, y, w, h] = face.map_or([0, 0, width, height], |face| around(face, [width, height]));
    let values = frame.values();
    let pixel = |column: u32, row: u32| {
        let at = (row as usize * width as usize + column as usize) * 3;
        values.get(at..at + 3).and_then(|rgb| rgb.try_into().ok()).unwrap_or([0; 3])
    };
    // Large crops are thinned out first, so that no copy of an 8K frame is made.
    let step = (w.max(h) / (4 * SIDE)).max(1);
    let crop = RgbImage::from_fn((w / step).max(1), (h / step).max(1), |column, row| {
        image::Rgb(pixel(x + column * step, y + row * step))
    });
    let scale = f64::from(SIDE) / f64::from(crop.width().max(crop.height()));
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let small =
        imageops::resize(&crop, side(crop.width()), side(crop.height()), FilterType::Triangle);
    let mut bytes = Vec::new();
    let encoded = small.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY));
    encoded.map_err(|error| StageError::Failed(format!("cannot make a thumbnail: {error}")))?;
    Ok(bytes)
}

/// Left, top, width and height of a square around a box, within the frame, of at least a pixel.
fn around([left, top, right, bottom]: [f32; 4], [width, height]: [u32; 2]) -> [u32; 4] {
    let half = ((right - left).max(bottom - top) * AROUND / 2.0).max(1.0);
    let (x, y) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
    // A cast of a number outside of the range, or of none, gives an end of it.
    let low = |middle: f32, side: u32| ((middle - half).max(0.0) as u32).min(side - 1);
    let high = |middle: f32, side: u32, low: u32| ((middle + half) as u32).clamp(low + 1, side);
    let (x0, y0) = (low(x, width), low(y, height));
    [x0, y0, high(x, width, x0) - x0, high(y, height, y0) - y0]
}

#[cfg(test)]
mod tests {
    use ffrun_models::eval::picture::Picture;

    use super::{around, thumbnail};

    #[test]
    fn crops_stay_in_the_frame_whatever_the_box() {
        assert_eq!(around([10.0, 10.0, 20.0, 20.0], [100, 50]), [6, 6, 18, 18]);
        for face in [[-50.0, -50.0, 500.0, 500.0], [f32::NAN; 4], [1e30, 1e30, 2e30, 2e30]] {
            let [x, y, w, h] = around(face, [7, 5]);
            assert!(w > 0 && h > 0 && x + w <= 7 && y + h <= 5, "{face:?}");
        }
        assert_eq!(around([0.0; 4], [1, 1]), [0, 0, 1, 1]);
    }

    #[test]
    fn pictures_of_all_shapes_are_shown() {
        for (height, width) in [(1, 1), (2000, 3), (48, 64)] {
            let frame = Picture::new([height, width], vec![90; height * width * 3]).unwrap();
            let jpeg = thumbnail(&frame, None).unwrap();
            let small = image::load_from_memory(&jpeg).unwrap();
            assert_eq!(small.width().max(small.height()), super::SIDE);
        }
    }
}
