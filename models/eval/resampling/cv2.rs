//! Resizing of 8-bit pictures as OpenCV's `INTER_LINEAR` does it: no antialiasing.

use rayon::prelude::*;

use crate::error::ModelResult;
use crate::eval::picture::Picture;

/// Binary places of a share (OpenCV's `INTER_RESIZE_COEF_BITS`).
const PLACES: u32 = 11;

/// `cv2.resize` with linear interpolation.
///
/// # Errors
/// When the new size has no pixel.
pub fn resized_as_cv2(picture: &Picture, [height, width]: [usize; 2]) -> ModelResult<Picture> {
    let [from_height, from_width] = picture.size();
    let columns = pairs(from_width, width);
    let rows = pairs(from_height, height);
    let mut values = vec![0; height * width * 3];
    if values.is_empty() {
        return Picture::new([height, width], values);
    }
    values.par_chunks_exact_mut(width * 3).zip(rows).for_each(|(target, row)| {
        let [above, below] = row.pixels.map(|row| picture.row(row));
        for (target, column) in target.chunks_exact_mut(3).zip(&columns) {
            for (channel, target) in target.iter_mut().enumerate() {
                let line = |row: &[u8]| {
                    let [left, right] = column.pixels.map(|at| i32::from(row[at * 3 + channel]));
                    left * column.shares[0] + right * column.shares[1]
                };
                // The vertical shares are applied to sums cut to 16 bits, as OpenCV's vectors do.
                let [upper, lower] = [line(above) >> 4, line(below) >> 4];
                let sum = ((upper * row.shares[0]) >> 16) + ((lower * row.shares[1]) >> 16);
                *target = ((sum + 2) >> 2).clamp(0, 255) as u8;
            }
        }
    });
    Picture::new([height, width], values)
}

/// Two neighbours and what each contributes, in units of 2⁻¹¹.
struct Pair {
    pixels: [usize; 2],
    shares: [i32; 2],
}

fn pairs(from: usize, to: usize) -> Vec<Pair> {
    let scale = from as f64 / to as f64;
    let pair = |at: usize| {
        let place = ((at as f64 + 0.5) * scale - 0.5) as f32;
        let left = (place.floor().max(0.0) as usize).min(from - 1);
        let share = if left + 1 < from { (place - left as f32).max(0.0) } else { 0.0 };
        let unit = (1 << PLACES) as f32;
        let shares = [1.0 - share, share].map(|share| (share * unit).round_ties_even() as i32);
        Pair { pixels: [left, (left + 1).min(from - 1)], shares }
    };
    (0..to).map(pair).collect()
}
