//! Resizing of 8-bit pictures as OpenCV's `INTER_LINEAR` does it: no antialiasing.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use rayon::prelude::*;

use crate::error::ModelResult;
use crate::eval::picture::Picture;
use crate::ops::lanes::vectorized;

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
    let stretch = Stretch { picture, columns: &columns, width: width * 3 };
    let parts = values.par_chunks_mut(width * 3 * ROWS).zip(rows.par_chunks(ROWS));
    parts.for_each(|(target, rows)| {
        vectorized(
            #[inline(always)]
            || stretch.rows(target, rows),
        );
    });
    Picture::new([height, width], values)
}

/// Rows that are computed together, so that neighbours share the rows they are mixed from.
const ROWS: usize = 32;

/// A picture on its way to other columns.
#[derive(Clone, Copy)]
struct Stretch<'a> {
    picture: &'a Picture,
    columns: &'a [Pair],
    /// Values of a new row.
    width: usize,
}

impl Stretch<'_> {
    /// Fills rows of the new picture.
    #[inline(always)]
    fn rows(&self, target: &mut [u8], rows: &[Pair]) {
        // The two rows that are mixed, widened, and which they are.
        let mut lines = [(usize::MAX, vec![0; self.width]), (usize::MAX, vec![0; self.width])];
        for (target, row) in target.chunks_exact_mut(self.width).zip(rows) {
            let [above, below] = row.pixels;
            if lines[0].0 != above {
                lines.swap(0, 1);
            }
            for ((done, line), wanted) in lines.iter_mut().zip([above, below]) {
                if *done != wanted {
                    self.widen(line, wanted);
                    *done = wanted;
                }
            }
            let [(_, upper), (_, lower)] = &lines;
            for ((target, &upper), &lower) in target.iter_mut().zip(upper).zip(lower) {
                // The vertical shares are applied to sums cut to 16 bits, as OpenCV's vectors do.
                let sum = ((upper * row.shares[0]) >> 16) + ((lower * row.shares[1]) >> 16);
                *target = ((sum + 2) >> 2).clamp(0, 255) as u8;
            }
        }
    }

    /// A row of the picture at its new width, cut to 16 bits.
    #[inline(always)]
    fn widen(&self, line: &mut [i32], row: usize) {
        let row = self.picture.row(row);
        for (target, column) in line.chunks_exact_mut(3).zip(self.columns) {
            let [left, right] = column.pixels;
            // Neighbours, but at the edge: one look at the row's length for all six values.
            let seen = &row[left * 3..right * 3 + 3];
            for channel in 0..3 {
                let (left, right) =
                    (i32::from(seen[channel]), i32::from(seen[seen.len() - 3 + channel]));
                target[channel] = (left * column.shares[0] + right * column.shares[1]) >> 4;
            }
        }
    }
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
