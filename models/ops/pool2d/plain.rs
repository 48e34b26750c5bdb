//! Pooling by candle's operations, for other devices and number types than f32 on the CPU.

use candle_core::{Result, Tensor, bail};

use super::grid::{Grid, Pool2d};

impl Grid {
    /// The largest value of each window.
    pub(super) fn plain_max(&self, x: &Tensor) -> Result<Tensor> {
        let views = self.shifted(&self.padded(x, f64::NEG_INFINITY)?)?;
        let (first, rest) = split(&views)?;
        rest.iter().try_fold(first.clone(), |best, view| best.maximum(view))
    }

    /// The mean of each window.
    pub(super) fn plain_mean(&self, x: &Tensor, count_padding: bool) -> Result<Tensor> {
        let sum = |x: &Tensor| {
            let views = self.shifted(&self.padded(x, 0.0)?)?;
            let (first, rest) = split(&views)?;
            rest.iter().try_fold(first.clone(), |sum, view| sum + view)
        };
        if count_padding {
            return sum(x)? / (self.pool.kernel * self.pool.kernel) as f64;
        }
        let pixels = x.narrow(0, 0, 1)?.narrow(1, 0, 1)?.ones_like()?;
        sum(x)?.broadcast_div(&sum(&pixels)?)
    }

    /// The image with `value` on every side.
    fn padded(&self, x: &Tensor, value: f64) -> Result<Tensor> {
        let mut x = x.clone();
        for axis in [2, 3] {
            let mut border = x.dims().to_vec();
            border[axis] = self.pool.padding;
            if self.pool.padding > 0 {
                let border = Tensor::full(value, border, x.device())?.to_dtype(x.dtype())?;
                x = Tensor::cat(&[&border, &x, &border], axis)?;
            }
        }
        Ok(x)
    }

    /// For each place within a window, the pixels at that place in all windows.
    fn shifted(&self, padded: &Tensor) -> Result<Vec<Tensor>> {
        let Pool2d { kernel, stride, .. } = self.pool;
        let pick = |x: &Tensor, axis: usize, shift: usize| {
            let count = self.windows[axis];
            let places: Vec<u32> = (0..count).map(|at| (shift + at * stride) as u32).collect();
            x.index_select(&Tensor::from_vec(places, count, x.device())?, axis + 2)
        };
        let places = (0..kernel * kernel).map(|at| (at / kernel, at % kernel));
        places.map(|(row, column)| pick(&pick(padded, 0, row)?, 1, column)).collect()
    }
}

fn split(views: &[Tensor]) -> Result<(&Tensor, &[Tensor])> {
    match views.split_first() {
        Some(parts) => Ok(parts),
        None => bail!("a window without a pixel"),
    }
}
