//! Where in which file the bytes of a tensor lie.

use candle_core::DType;

/// A run of bytes that are one tensor, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Offset of the first byte.
    pub(super) offset: u64,
    /// Type of the values.
    pub(super) dtype: DType,
    /// Shape; empty for a scalar.
    pub(super) shape: Vec<usize>,
}

impl Place {
    /// Number of bytes; none where the shape overflows.
    pub(super) fn bytes(&self) -> Option<u64> {
        let values = self.shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
        Some(values?.checked_mul(self.dtype.size_in_bytes())? as u64)
    }

    /// Offset past the last byte; none where that overflows.
    pub(super) fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.bytes()?)
    }
}

/// All tensors of a file, by name.
pub(super) type Places = Vec<(String, Place)>;
