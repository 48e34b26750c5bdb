//! An 8-bit colour picture in memory.

use crate::error::{ModelError, ModelResult};

/// Height × width pixels of red, green and blue, row by row, channels interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    height: usize,
    width: usize,
    values: Vec<u8>,
}

impl Picture {
    /// A picture of these `values`, 3 a pixel.
    ///
    /// # Errors
    /// When there is no pixel, or another number of values.
    pub fn new([height, width]: [usize; 2], values: Vec<u8>) -> ModelResult<Self> {
        if values.is_empty()
            || height.checked_mul(width).map(|pixels| pixels * 3) != Some(values.len())
        {
            return Err(ModelError::BadSetting {
                setting: "picture",
                got: format!("{} values of {height}×{width} pixels", values.len()),
                expected: "must hold three values for each of at least one pixel".into(),
            });
        }
        Ok(Self { height, width, values })
    }

    /// Height and width in pixels, neither of them 0.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// All values, row by row.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// The values of one row.
    ///
    /// # Panics
    /// When there is no such row.
    pub(super) fn row(&self, at: usize) -> &[u8] {
        &self.values[at * self.width * 3..][..self.width * 3]
    }

    /// Red and blue exchanged: RGB from BGR and back.
    #[must_use]
    pub fn swapped(&self) -> Self {
        let pixels = self.values.chunks_exact(3);
        Self { values: pixels.flat_map(|p| [p[2], p[1], p[0]]).collect(), ..*self }
    }

    /// The size at which the shorter side measures `side`, as torchvision and transformers round.
    pub fn with_short_side(&self, side: usize) -> [usize; 2] {
        let short = self.height.min(self.width);
        [self.height, self.width].map(|length| side * length / short)
    }

    /// The square of `side` pixels in the middle. An odd border is larger on the right and below
    /// where torchvision's rounds so.
    ///
    /// # Errors
    /// When the picture is smaller.
    pub fn centre(&self, side: usize) -> ModelResult<Self> {
        let too_small = || ModelError::BadSetting {
            setting: "side of the centre",
            got: side.to_string(),
            expected: format!("must be 1 to {}", self.height.min(self.width)),
        };
        if side == 0 || side > self.height.min(self.width) {
            return Err(too_small());
        }
        let [top, left] = [self.height, self.width].map(|length| half_even(length - side));
        let rows = (top..top + side).map(|row| &self.row(row)[left * 3..(left + side) * 3]);
        Self::new([side, side], rows.flatten().copied().collect())
    }
}

/// Half of a length, rounded to the even neighbour as Python's `round` does.
fn half_even(length: usize) -> usize {
    let half = length / 2;
    if length % 2 == 1 && half % 2 == 1 { half + 1 } else { half }
}

#[cfg(test)]
mod tests {
    use super::Picture;

    fn ramp(height: usize, width: usize) -> Picture {
        Picture::new([height, width], (0..height * width * 3).map(|at| at as u8).collect()).unwrap()
    }

    #[test]
    fn a_picture_holds_three_values_a_pixel() {
        let error = Picture::new([2, 2], vec![0; 11]).unwrap_err().to_string();
        let expected = "`picture` is 11 values of 2×2 pixels, but must hold three values for each \
                        of at least one pixel";
        assert_eq!(error, expected);
        assert!(Picture::new([0, 5], vec![]).is_err());
    }

    #[test]
    fn the_centre_and_its_channels() {
        let picture = ramp(2, 4);
        let centre = picture.centre(2).unwrap();
        assert_eq!(centre.values(), [3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20]);
        assert_eq!(centre.swapped().values()[..3], [5, 4, 3]);
        assert_eq!(picture.with_short_side(5), [5, 10]);
        assert!(picture.centre(3).is_err() && picture.centre(0).is_err());
    }
}
