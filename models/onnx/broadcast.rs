//! The shapes of operands of different sides: ONNX's rule, which is NumPy's.

use super::array::count;
use super::error::{Fault, Prepared};

/// The sides that two operands come to have.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Prepared<Vec<usize>> {
    let rank = a.len().max(b.len());
    let mut dims = vec![1; rank];
    for (at, dim) in dims.iter_mut().enumerate() {
        let side = |dims: &[usize]| (at + dims.len()).checked_sub(rank).map_or(1, |at| dims[at]);
        *dim = match (side(a), side(b)) {
            (a, b) if a == b || b == 1 => a,
            (1, b) => b,
            _ => return Fault::misfit(format!("{a:?} and {b:?} do not fit together")),
        };
    }
    count(&dims)?;
    Ok(dims)
}

/// Distances between neighbours of an operand along the axes of what it is broadcast to; 0 along
/// those it is repeated on. `strides` are its own.
pub(super) fn repeated(dims: &[usize], strides: &[usize], target: &[usize]) -> Vec<usize> {
    let ahead = target.len().saturating_sub(dims.len());
    let stride = |axis: usize| match axis.checked_sub(ahead) {
        Some(at) if dims[at] > 1 => strides[at],
        _ => 0,
    };
    (0..target.len()).map(stride).collect()
}

/// Every place of a shape in the order of the file, as the sum of places times `strides`.
pub(super) fn offsets(dims: &[usize], strides: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0];
    for (&side, &stride) in dims.iter().zip(strides) {
        let along = |start: &usize| {
            let start = *start;
            (0..side).map(move |at| start + at * stride)
        };
        offsets = offsets.iter().flat_map(along).collect();
    }
    offsets
}

/// Distances between neighbours in the order of the file.
pub(super) fn row_major_strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for at in (0..dims.len().saturating_sub(1)).rev() {
        strides[at] = strides[at + 1] * dims[at + 1];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::{broadcast, offsets, repeated, row_major_strides};

    #[test]
    fn sides_of_one_are_repeated() {
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]).unwrap(), [2, 3, 4]);
        assert_eq!(broadcast(&[], &[3]).unwrap(), [3]);
        assert!(broadcast(&[2], &[3]).is_err());
        let strides = repeated(&[3, 1], &row_major_strides(&[3, 1]), &[2, 3, 2]);
        assert_eq!(strides, [0, 1, 0]);
        assert_eq!(offsets(&[2, 3, 2], &strides), [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
    }
}
