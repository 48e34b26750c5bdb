//! In which order the values of an activation lie in memory.

use super::error::{Fault, Prepared};

/// The sides of an activation as the file sees them, and the order in which its axes lie in
/// memory, outermost first. A transposition changes this and moves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    dims: Vec<usize>,
    /// Axes of one pixel come first: they lie nowhere, and so compare equal wherever they are.
    order: Vec<usize>,
}

impl Layout {
    /// The file's own order.
    pub(super) fn row_major(dims: Vec<usize>) -> Self {
        let order = (0..dims.len()).collect();
        Self::new(dims, order)
    }

    /// Axis 1 innermost, as convolutions here want their channels; `dims` are four.
    pub(super) fn channels_last(dims: Vec<usize>) -> Self {
        Self::new(dims, vec![0, 2, 3, 1])
    }

    /// Sides in some order of the axes.
    pub(super) fn new(dims: Vec<usize>, order: Vec<usize>) -> Self {
        let (mut first, rest): (Vec<usize>, Vec<usize>) =
            order.into_iter().partition(|&axis| dims[axis] == 1);
        first.sort_unstable();
        first.extend(rest);
        Self { dims, order: first }
    }

    /// Sides as the file sees them.
    pub(super) fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Axes from the outermost to the innermost.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether values lie as in `other`, which has the same sides.
    pub(super) fn lies_as(&self, other: &Self) -> bool {
        self.order == other.order
    }

    /// Sides in the order of memory.
    pub(super) fn physical_dims(&self) -> Vec<usize> {
        self.order.iter().map(|&axis| self.dims[axis]).collect()
    }

    /// The axis of which neighbours are neighbours in memory; none of a single value.
    pub(super) fn innermost(&self) -> Option<usize> {
        self.order.last().copied()
    }

    /// Number of neighbours along the innermost axis.
    pub(super) fn channels(&self) -> usize {
        self.innermost().map_or(1, |axis| self.dims[axis])
    }

    /// Number of values.
    pub(super) fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Distance in memory between neighbours along each axis.
    pub(super) fn strides(&self) -> Vec<usize> {
        let mut strides = vec![0; self.dims.len()];
        let mut stride = 1;
        for &axis in self.order.iter().rev() {
            strides[axis] = stride;
            stride *= self.dims[axis];
        }
        strides
    }

    /// Axis `i` of the result is axis `axes[i]` of this.
    pub(super) fn transposed(&self, axes: &[usize]) -> Prepared<Self> {
        let mut place = vec![usize::MAX; self.dims.len()];
        for (to, &from) in axes.iter().enumerate() {
            match place.get_mut(from) {
                Some(place) if *place == usize::MAX => *place = to,
                _ => return Fault::misfit(format!("{axes:?} is no order of {:?}", self.dims)),
            }
        }
        if axes.len() != self.dims.len() {
            return Fault::misfit(format!("{axes:?} is no order of {:?}", self.dims));
        }
        let dims = axes.iter().map(|&axis| self.dims[axis]).collect();
        Ok(Self::new(dims, self.order.iter().map(|&axis| place[axis]).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn transpositions_move_nothing_and_undo_each_other() {
        let channels_last = Layout::channels_last(vec![1, 3, 4, 5]);
        assert_eq!(channels_last.physical_dims(), [1, 4, 5, 3]);
        assert_eq!(channels_last.strides(), [60, 1, 15, 3]);
        let tensorflow = channels_last.transposed(&[0, 2, 3, 1]).unwrap();
        assert!(tensorflow.lies_as(&Layout::row_major(vec![1, 4, 5, 3])));
        assert_eq!(tensorflow.transposed(&[0, 3, 1, 2]).unwrap(), channels_last);
        assert!(channels_last.transposed(&[0, 0, 1, 2]).is_err());
        assert!(channels_last.transposed(&[0, 1, 2]).is_err());
    }

    #[test]
    fn axes_of_one_pixel_lie_anywhere() {
        let vector = Layout::channels_last(vec![1, 7, 1, 1]);
        assert!(vector.lies_as(&Layout::row_major(vec![1, 7, 1, 1])));
        assert_eq!((vector.innermost(), vector.channels()), (Some(1), 7));
    }
}
