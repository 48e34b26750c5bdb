//! Moves values: whatever only changes where they lie, or repeats or drops some.

use super::array::count;
use super::error::Prepared;
use super::layout::Layout;

/// Where each run of neighbours of the output comes from.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    /// Values of a run.
    run: usize,
    /// Input and place of each run; none for a constant.
    sources: Vec<Option<(u8, u32)>>,
    /// The constant.
    filling: f32,
}

impl Gather {
    /// From the source of every single value of `target`, in the order of memory, as a function of
    /// its place along each axis.
    pub(super) fn new(
        target: &Layout,
        filling: f32,
        mut source: impl FnMut(&[usize]) -> Option<(u8, usize)>,
    ) -> Prepared<Self> {
        let mut sources = Vec::with_capacity(count(target.dims())?);
        let mut place = vec![0; target.dims().len()];
        for _ in 0..target.count() {
            sources.push(source(&place).map(|(input, at)| (input, at as u32)));
            for &axis in target.order().iter().rev() {
                place[axis] += 1;
                if place[axis] < target.dims()[axis] {
                    break;
                }
                place[axis] = 0;
            }
        }
        let run = longest_run(&sources);
        let sources = sources.into_iter().step_by(run).collect();
        Ok(Self { run, sources, filling })
    }

    /// Fills the output.
    pub(super) fn run(&self, inputs: &[&[f32]], y: &mut [f32]) {
        for (target, source) in y.chunks_exact_mut(self.run).zip(&self.sources) {
            match *source {
                Some((input, at)) => {
                    target.copy_from_slice(&inputs[usize::from(input)][at as usize..][..self.run]);
                }
                None => target.fill(self.filling),
            }
        }
    }
}

/// The largest number of values that always come from neighbours.
fn longest_run(sources: &[Option<(u8, u32)>]) -> usize {
    let follows = |pair: &[Option<(u8, u32)>]| match (pair[0], pair[1]) {
        (Some((input, at)), Some(next)) => next == (input, at + 1),
        (None, None) => true,
        _ => false,
    };
    let mut run = 0; // the greatest common divisor of all places where a new run begins
    for (at, pair) in sources.windows(2).enumerate() {
        if !follows(pair) {
            run = common_divisor(run, at + 1);
        }
    }
    common_divisor(run, sources.len()).max(1)
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::Gather;
    use crate::onnx::layout::Layout;

    #[test]
    fn neighbours_move_together() {
        let target = Layout::channels_last(vec![1, 2, 2, 2]);
        let from = Layout::row_major(vec![1, 2, 2, 2]).strides();
        let place = |place: &[usize]| {
            Some((0, place.iter().zip(&from).map(|(at, stride)| at * stride).sum()))
        };
        let gather = Gather::new(&target, 0.0, place).unwrap();
        let mut y = [0.0; 8];
        gather.run(&[&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]], &mut y);
        assert_eq!(y, [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
        assert_eq!(gather.run, 1);

        let rows = Layout::row_major(vec![3, 4]);
        let gather = Gather::new(&rows, 9.0, |place| {
            (place[0] > 0).then(|| (0, (2 - place[0]) * 4 + place[1]))
        });
        let gather = gather.unwrap();
        let mut y = [0.0; 12];
        gather.run(&[&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]], &mut y);
        assert_eq!((gather.run, y[0], y[4], y[8]), (4, 9.0, 4.0, 0.0));
    }
}
