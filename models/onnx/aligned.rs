//! Numbers that begin at a line of the cache.

use std::ops::{Deref, DerefMut};

/// Bytes of a line: a vector register that crosses two of them is read and written twice.
const LINE: usize = 64;
/// The most values that are skipped to reach a line.
const MOST_SKIPPED: usize = LINE / size_of::<f32>() - 1;

/// A list of numbers of fixed length that begins at a line of the cache, wherever it lies.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    /// With room for what is skipped.
    values: Vec<f32>,
    length: usize,
}

impl Aligned {
    /// That many zeros.
    pub(super) fn zeros(length: usize) -> Self {
        Self { values: vec![0.0; length + MOST_SKIPPED], length }
    }

    /// These numbers.
    pub(super) fn of(values: &[f32]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.copy_from_slice(values);
        aligned
    }

    /// Where they begin.
    fn start(&self) -> usize {
        let most = self.values.len() - self.length;
        self.values.as_ptr().align_offset(LINE).min(most)
    }
}

/// Anew: what is skipped differs from place to place.
impl Clone for Aligned {
    fn clone(&self) -> Self {
        Self::of(self)
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start()..][..self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        let start = self.start();
        &mut self.values[start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::Aligned;

    #[test]
    fn numbers_begin_at_a_line_and_copies_keep_them() {
        for length in [0, 1, 15, 16, 100] {
            let values: Vec<f32> = (0..length as u16).map(f32::from).collect();
            let aligned = Aligned::of(&values);
            let copy = aligned.clone();
            assert_eq!((&*aligned, &*copy), (values.as_slice(), values.as_slice()));
            assert_eq!(aligned.as_ptr().align_offset(64), 0);
        }
        assert_eq!(Aligned::default().len(), 0);
    }
}
