//! Maximum and mean over square windows of images, with their gradients.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::super::record::{Rule, Step, Value, record};
use super::super::values::{on_fast_path, tensor_like, with_values};
use super::grid::{Grid, Pool2d};

/// The largest value of each window. Of equal values the first, row by row, gets the gradient.
///
/// # Shapes
/// `x` (B, C, H, W) → (B, C, H', W') with H' = ⌊(H + 2·padding − kernel)/stride⌋ + 1.
///
/// # Errors
/// When no window fits, or the padding exceeds half a window.
pub fn max_pool2d(x: &Tensor, pool: Pool2d) -> Result<Tensor> {
    let grid = Grid::new(x, pool)?;
    if !on_fast_path(&[x]) {
        return grid.plain_max(x);
    }
    let x = x.contiguous()?;
    let (y, places) = with_values([&x], |[x]| Ok(grid.maxima(x)))?;
    record([&x], Value::host(y, grid.output.clone()), Max { places })
}

/// The mean of each window: over the whole window, padding included as zeros, if `count_padding`,
/// else over its pixels inside the image (PyTorch's `count_include_pad`).
///
/// # Shapes
/// `x` (B, C, H, W) → (B, C, H', W') as in [`max_pool2d`].
///
/// # Errors
/// When no window fits, or the padding exceeds half a window.
pub fn avg_pool2d(x: &Tensor, pool: Pool2d, count_padding: bool) -> Result<Tensor> {
    let grid = Grid::new(x, pool)?;
    if !on_fast_path(&[x]) {
        return grid.plain_mean(x, count_padding);
    }
    let x = x.contiguous()?;
    let y = with_values([&x], |[x]| Ok(grid.means(x, count_padding)))?;
    record([&x], Value::host(y, grid.output.clone()), Mean { grid, count_padding })
}

struct Max {
    /// For each window the place of its largest value within the plane.
    places: Vec<u32>,
}

impl Rule<1> for Max {
    const NAME: &'static str = "max_pool2d";

    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let [x] = &step.operands;
        let plane = x.dim(2)? * x.dim(3)?;
        let windows = step.output.dim(2)? * step.output.dim(3)?;
        let mut target = vec![0.0; x.elem_count()];
        with_values([&step.grad], |[grad]| {
            let sources = grad.par_chunks(windows).zip(self.places.par_chunks(windows));
            target.par_chunks_mut(plane).zip(sources).for_each(|(target, (grad, places))| {
                for (&place, grad) in places.iter().zip(grad) {
                    target[place as usize] += grad;
                }
            });
            Ok(())
        })?;
        Ok([Some(tensor_like(target, x)?)])
    }
}

struct Mean {
    grid: Grid,
    count_padding: bool,
}

impl Rule<1> for Mean {
    const NAME: &'static str = "avg_pool2d";

    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let [x] = &step.operands;
        let (plane, windows) = self.grid.planes();
        let mut target = vec![0.0; x.elem_count()];
        with_values([&step.grad], |[grad]| {
            target.par_chunks_mut(plane).zip(grad.par_chunks(windows)).for_each(
                |(target, grad)| {
                    self.grid.each_window(|at, rows, columns| {
                        let pixels = rows.len() * columns.len();
                        let grad = grad[at] * self.grid.share(pixels, self.count_padding);
                        for row in rows {
                            let row = &mut target[row * self.grid.sides[1]..][columns.clone()];
                            for target in row {
                                *target += grad;
                            }
                        }
                    });
                },
            );
            Ok(())
        })?;
        Ok([Some(tensor_like(target, x)?)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Grid, Pool2d, avg_pool2d, max_pool2d};
    use crate::ops::agreement::{assert_agrees, sample};

    const POOLS: [Pool2d; 3] = [
        Pool2d { kernel: 3, stride: 2, padding: 0 },
        Pool2d { kernel: 3, stride: 1, padding: 1 },
        Pool2d { kernel: 2, stride: 2, padding: 1 },
    ];

    /// Distinct multiples of 0.1, so that no small step changes which value is the largest.
    fn distinct(shape: (usize, usize, usize, usize)) -> Tensor {
        let count = shape.0 * shape.1 * shape.2 * shape.3;
        let values = (0..count).map(|at| ((at * 37) % 101) as f32 * 0.1).collect();
        Tensor::from_vec::<_, f32>(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn maxima_agree_with_the_composition() {
        let x = distinct((1, 2, 5, 7));
        for pool in POOLS {
            let naive = |x: &[Tensor]| Grid::new(&x[0], pool)?.plain_max(&x[0]);
            assert_agrees(&|x| max_pool2d(&x[0], pool), &naive, std::slice::from_ref(&x));
        }
    }

    #[test]
    fn means_agree_with_the_composition() {
        let x = sample((1, 2, 5, 7), 1);
        for (pool, count) in POOLS.into_iter().flat_map(|pool| [(pool, true), (pool, false)]) {
            let naive = |x: &[Tensor]| Grid::new(&x[0], pool)?.plain_mean(&x[0], count);
            assert_agrees(&|x| avg_pool2d(&x[0], pool, count), &naive, std::slice::from_ref(&x));
        }
    }

    #[test]
    fn values_by_hand() {
        let x = Tensor::arange(0f32, 9.0, &Device::Cpu).unwrap().reshape((1, 1, 3, 3)).unwrap();
        let pool = Pool2d { kernel: 3, stride: 2, padding: 1 };
        let flat = |y: Tensor| y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(flat(max_pool2d(&x, pool).unwrap()), [4., 5., 7., 8.]);
        assert_eq!(flat(avg_pool2d(&x, pool, false).unwrap()), [2., 3., 5., 6.]);
        let whole = flat(avg_pool2d(&x, pool, true).unwrap());
        assert!((whole[0] - 8.0 / 9.0).abs() < 1e-6);
    }

    #[test]
    fn windows_larger_than_the_image_are_refused() {
        let pool = Pool2d { kernel: 3, stride: 1, padding: 0 };
        assert!(max_pool2d(&sample((1, 1, 2, 2), 1), pool).is_err());
    }
}
