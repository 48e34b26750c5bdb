//! One value from all along some axes.

/// What is made of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Largest,
    Least,
    Mean,
    Product,
    /// √Σx².
    Length,
    /// e^x/Σe^x, as many values as there were.
    Softmax,
    Sum,
    SumOfSquares,
}

/// Reduces the middle one of three axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reduce {
    pub(super) kind: Reduction,
    /// Number of values along the axis.
    pub(super) along: usize,
    /// Number of values after it.
    pub(super) inner: usize,
}

impl Reduce {
    /// Reduces all of `x`.
    pub(super) fn run(&self, x: &[f32], y: &mut [f32]) {
        let Self { kind, along, inner } = *self;
        if along * inner == 0 {
            return;
        }
        let width = if kind == Reduction::Softmax { along * inner } else { inner };
        for (x, y) in x.chunks_exact(along * inner).zip(y.chunks_exact_mut(width)) {
            for column in 0..inner {
                let values = x[column..].iter().step_by(inner).copied();
                if kind == Reduction::Softmax {
                    let most = values.clone().fold(f32::NEG_INFINITY, f32::max);
                    let sum: f32 = values.clone().map(|x| (x - most).exp()).sum();
                    let targets = y[column..].iter_mut().step_by(inner);
                    targets.zip(values).for_each(|(y, x)| *y = (x - most).exp() / sum);
                } else {
                    y[column] = self.one(values);
                }
            }
        }
    }

    fn one(&self, values: impl Iterator<Item = f32>) -> f32 {
        match self.kind {
            Reduction::Largest => values.fold(f32::NEG_INFINITY, f32::max),
            Reduction::Least => values.fold(f32::INFINITY, f32::min),
            Reduction::Mean => values.sum::<f32>() / self.along as f32,
            Reduction::Product => values.product(),
            Reduction::Length => values.map(|x| x * x).sum::<f32>().sqrt(),
            Reduction::SumOfSquares => values.map(|x| x * x).sum(),
            Reduction::Sum | Reduction::Softmax => values.sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reduce, Reduction};

    #[test]
    fn the_middle_axis_goes() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0];
        let reduced = |kind, width: usize| {
            let mut y = vec![0.0; width];
            Reduce { kind, along: 2, inner: 2 }.run(&x, &mut y);
            y
        };
        assert_eq!(reduced(Reduction::Sum, 4), [4.0, 6.0, 12.0, 15.0]);
        assert_eq!(reduced(Reduction::Mean, 4), [2.0, 3.0, 6.0, 7.5]);
        assert_eq!(reduced(Reduction::Largest, 4), [3.0, 4.0, 7.0, 9.0]);
        assert_eq!(reduced(Reduction::SumOfSquares, 4), [10.0, 20.0, 74.0, 117.0]);
        let shares = reduced(Reduction::Softmax, 8);
        assert!((shares[0] + shares[2] - 1.0).abs() < 1e-6 && shares[2] > shares[0]);
    }
}
