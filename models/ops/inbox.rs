//! Where the gradients of one value are added up on their way back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::add::sum;
use super::lanes::{add, vectorized};
use super::values::{on_fast_path, tensor_like, with_values};

/// Values added by one task.
const VALUES_PER_TASK: usize = 16_384;

/// The sum of the gradients that the readers of a value have sent so far.
#[derive(Default)]
pub(super) struct Inbox(Mutex<Sum>);

#[derive(Default)]
enum Sum {
    #[default]
    Nothing,
    /// One gradient, perhaps shared with others: never written to.
    One(Tensor),
    /// The sum of several, of the shape of the tensor beside it, and ours to add to.
    Several(Vec<f32>, Tensor),
}

impl Inbox {
    /// Adds a gradient. Gradients of one value may differ in shape, not in their number of values.
    pub(super) fn receive(&self, gradient: Tensor) -> Result<()> {
        let mut sum = self.lock();
        *sum = std::mem::take(&mut *sum).plus(gradient)?;
        Ok(())
    }

    /// Takes the sum out, contiguous; `None` if nothing was received.
    pub(super) fn take(&self) -> Result<Option<Tensor>> {
        match std::mem::take(&mut *self.lock()) {
            Sum::Nothing => Ok(None),
            Sum::One(gradient) => gradient.contiguous().map(Some),
            Sum::Several(values, like) => tensor_like(values, &like).map(Some),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sum> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sum {
    fn plus(self, gradient: Tensor) -> Result<Self> {
        match self {
            Self::Nothing => Ok(Self::One(gradient)),
            Self::One(first) if on_fast_path(&[&first, &gradient]) => {
                let (first, gradient) = (first.contiguous()?, gradient.contiguous()?);
                let sum = with_values([&first, &gradient], |[x, y]| Ok(sum(x, y)))?;
                Ok(Self::Several(sum, placeholder(&first)?))
            }
            Self::One(first) => Ok(Self::One((&first + gradient.reshape(first.shape())?)?)),
            Self::Several(mut sum, like) => {
                with_values([&gradient.contiguous()?], |[x]| {
                    let tasks = sum.par_chunks_mut(VALUES_PER_TASK);
                    tasks.zip(x.par_chunks(VALUES_PER_TASK)).for_each(|(sum, x)| {
                        vectorized(
                            #[inline(always)]
                            || add(sum, x),
                        );
                    });
                    Ok(())
                })?;
                Ok(Self::Several(sum, like))
            }
        }
    }
}

/// A tensor of the shape of `like` that holds one value.
pub(super) fn placeholder(like: &Tensor) -> Result<Tensor> {
    Tensor::zeros(1, like.dtype(), like.device())?.broadcast_as(like.shape())
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::Inbox;
    use crate::ops::agreement::sample;

    #[test]
    fn one_two_and_three_gradients_are_added_and_none_is_written_to() {
        for dtype in [DType::F32, DType::F64] {
            let parts: Vec<_> =
                (0..3).map(|i| sample((2, 3), i).to_dtype(dtype).unwrap()).collect();
            for count in 1..=3 {
                let inbox = Inbox::default();
                assert!(inbox.take().unwrap().is_none());
                let mut expected = parts[0].zeros_like().unwrap();
                for part in &parts[..count] {
                    inbox.receive(part.clone()).unwrap();
                    expected = (expected + part).unwrap();
                }
                let found = inbox.take().unwrap().unwrap();
                let difference = (found - expected).unwrap().abs().unwrap().max_all().unwrap();
                assert!(
                    difference.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap() < 1e-6
                );
            }
        }
        assert_eq!(sample((2, 3), 0).to_vec2::<f32>().unwrap().len(), 2);
    }
}
