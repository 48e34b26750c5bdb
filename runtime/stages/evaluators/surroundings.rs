//! Surroundings of training pictures, exchanged: a few clips of each person are soon known by their
//! places and clothes, and not by their faces.

use std::ops::Range;

use ffrun_models::stream::Stream;

/// Columns and rows of a picture that it keeps: half to four fifths, about the middle.
pub(super) fn kept(stream: &mut Stream, side: usize) -> [Range<usize>; 2] {
    [(); 2].map(|()| {
        let size = side as f32 * stream.between(0.5, 0.8);
        let middle = side as f32 * stream.between(0.45, 0.55);
        let edge = |at: f32| at.clamp(0.0, side as f32) as usize;
        edge(middle - size / 2.0)..edge(middle + size / 2.0)
    })
}

/// Gives the last of some pictures, three planes of `side`² values each, the surroundings of the one
/// before.
pub(super) fn swap(values: &mut [f32], side: usize, [columns, rows]: &[Range<usize>; 2]) {
    let picture = 3 * side * side;
    let Some(first) = values.len().checked_sub(2 * picture) else { return };
    let (before, last) = values[first..].split_at_mut(picture);
    for (at, (value, other)) in last.iter_mut().zip(before).enumerate() {
        let (row, column) = (at / side % side, at % side);
        if !(rows.contains(&row) && columns.contains(&column)) {
            *value = *other;
        }
    }
}

#[cfg(test)]
mod tests {
    use ffrun_models::stream::Stream;

    use super::{kept, swap};

    #[test]
    fn what_surrounds_the_kept_part_is_that_of_the_picture_before() {
        let mut two: Vec<f32> = [[1.0; 12], [2.0; 12]].concat();
        swap(&mut two, 2, &[1..2, 0..1]);
        assert_eq!(two[..12], [1.0; 12]);
        assert_eq!(two[12..], [1.0, 2.0, 1.0, 1.0].repeat(3));
        let mut one = vec![1.0; 12];
        swap(&mut one, 2, &[0..0, 0..0]);
        assert_eq!(one, [1.0; 12]);
    }

    #[test]
    fn the_middle_is_kept_and_the_border_is_not() {
        for step in 0..200 {
            let mut stream = Stream::new(1, "test/kept", step);
            for kept in kept(&mut stream, 64) {
                assert!(kept.contains(&31) && !kept.contains(&0) && !kept.contains(&63));
                assert!((31..=52).contains(&kept.len()), "{kept:?}");
            }
        }
    }
}
