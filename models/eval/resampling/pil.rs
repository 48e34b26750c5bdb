//! Resizing of 8-bit pictures to the very values Pillow gives.

use rayon::prelude::*;

use super::filter::{Filter, Mix, mixes};
use crate::error::ModelResult;
use crate::eval::picture::Picture;

/// Binary places of a share, as in Pillow's `Resample.c`.
const PLACES: u32 = 22;

/// `Image.resize` with that filter, antialiased: across and down, rounded to 8 bits in between. The
/// order is that of Pillow 13, which goes down first when more than twice as many rows are lost as
/// columns; earlier versions always go across first.
///
/// # Errors
/// When the new size has no pixel.
pub fn resized_as_pil(
    picture: &Picture,
    [height, width]: [usize; 2],
    filter: Filter,
) -> ModelResult<Picture> {
    let [from_height, from_width] = picture.size();
    let lost = |from: usize, to: usize| from as i64 - to as i64;
    let (rows, columns) = (lost(from_height, height), lost(from_width, width));
    let go_across = |picture: &Picture| match columns {
        0 => Ok(picture.clone()),
        _ => across(picture, &Fixed::line(from_width, width, filter)),
    };
    let go_down = |picture: &Picture| match rows {
        0 => Ok(picture.clone()),
        _ => down(picture, &Fixed::line(from_height, height, filter)),
    };
    if rows > 0 && rows > 2 * columns {
        go_across(&go_down(picture)?)
    } else {
        go_down(&go_across(picture)?)
    }
}

/// A mix in fixed-point numbers.
struct Fixed {
    start: usize,
    shares: Vec<i32>,
}

impl Fixed {
    fn line(from: usize, to: usize, filter: Filter) -> Vec<Self> {
        let round =
            |share: &f64| (share * f64::from(1 << PLACES) + 0.5_f64.copysign(*share)) as i32;
        let fixed =
            |mix: &Mix| Self { start: mix.start, shares: mix.shares.iter().map(round).collect() };
        mixes(from, to, filter).iter().map(fixed).collect()
    }
}

/// Every row resized.
fn across(picture: &Picture, columns: &[Fixed]) -> ModelResult<Picture> {
    let [height, _] = picture.size();
    let mut values = vec![0; height * columns.len() * 3];
    if columns.is_empty() {
        return Picture::new([height, 0], values);
    }
    values.par_chunks_exact_mut(columns.len() * 3).enumerate().for_each(|(row, target)| {
        let source = picture.row(row);
        for (target, mix) in target.chunks_exact_mut(3).zip(columns) {
            let mut sums = [1 << (PLACES - 1); 3];
            for (pixel, share) in source[mix.start * 3..].chunks_exact(3).zip(&mix.shares) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * share;
                }
            }
            for (target, sum) in target.iter_mut().zip(sums) {
                *target = eight_bits(sum);
            }
        }
    });
    Picture::new([height, columns.len()], values)
}

/// Every column resized.
fn down(picture: &Picture, rows: &[Fixed]) -> ModelResult<Picture> {
    let [_, width] = picture.size();
    let mut values = vec![0; rows.len() * width * 3];
    values.par_chunks_exact_mut(width * 3).zip(rows).for_each(|(target, mix)| {
        let mut sums = vec![1 << (PLACES - 1); width * 3];
        for (row, share) in (mix.start..).zip(&mix.shares) {
            for (sum, &value) in sums.iter_mut().zip(picture.row(row)) {
                *sum += i32::from(value) * share;
            }
        }
        for (target, sum) in target.iter_mut().zip(sums) {
            *target = eight_bits(sum);
        }
    });
    Picture::new([rows.len(), width], values)
}

fn eight_bits(sum: i32) -> u8 {
    (sum >> PLACES).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::resized_as_pil;
    use crate::eval::picture::Picture;
    use crate::eval::resampling::Filter;

    #[test]
    fn flat_pictures_stay_flat_under_every_filter() {
        let picture = Picture::new([7, 5], vec![200; 105]).unwrap();
        for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            for size in [[3, 9], [14, 2], [7, 5]] {
                let resized = resized_as_pil(&picture, size, filter).unwrap();
                assert_eq!(resized.size(), size);
                assert!(resized.values().iter().all(|&x| x == 200), "{filter:?} {size:?}");
            }
        }
        assert!(resized_as_pil(&picture, [0, 4], Filter::Bilinear).is_err());
    }

    #[test]
    fn values_are_those_of_pillow() {
        // Pillow 13: a = ((np.arange(105)*37 + 11) % 256).astype(np.uint8).reshape(7, 5, 3)
        //            np.array(Image.fromarray(a).resize((3, 4), FILTER))[..., 0]
        let values = (0..105).map(|at| ((at * 37 + 11) % 256) as u8).collect();
        let picture = Picture::new([7, 5], values).unwrap();
        let expected: [(Filter, [u8; 12]); 3] = [
            (Filter::Bilinear, [82, 131, 167, 148, 123, 124, 148, 120, 94, 108, 155, 130]),
            (Filter::Bicubic, [75, 130, 171, 152, 128, 121, 155, 117, 90, 106, 155, 133]),
            (Filter::Lanczos, [75, 127, 169, 151, 135, 121, 161, 115, 88, 107, 148, 132]),
        ];
        for (filter, expected) in expected {
            let resized = resized_as_pil(&picture, [4, 3], filter).unwrap();
            let red: Vec<u8> = resized.values().iter().step_by(3).copied().collect();
            assert_eq!(red, expected, "{filter:?}");
        }
    }

    #[test]
    fn a_tall_picture_is_made_low_first() {
        // As above, of (108,) in (9, 4, 3) and resized to (3, 3); across first, 5 values differ.
        let values = (0..108).map(|at| ((at * 37 + 11) % 256) as u8).collect();
        let picture = Picture::new([9, 4], values).unwrap();
        let resized = resized_as_pil(&picture, [3, 3], Filter::Lanczos).unwrap();
        let red: Vec<u8> = resized.values().iter().step_by(3).copied().collect();
        assert_eq!(red, [115, 150, 118, 159, 127, 106, 140, 122, 101]);
    }
}
