//! Fits a [`PcaCodec`] to pictures: mean and covariance of their patches, in f64.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::eigen::components;
use super::patches::cut;
use super::{PcaCodec, PcaConfig};
use crate::error::{ModelError, ModelResult};
use crate::ops::lanes::vectorized;

/// Patches taken together, so that they stay in the cache while every row of the covariance is
/// brought up to date.
const PATCHES_PER_BLOCK: usize = 256;

/// Gathers pictures for a [`PcaCodec`]. The sums run in the order in which the pictures come, at
/// any number of threads, so the same pictures give the same bytes.
#[derive(Clone, Debug)]
pub struct PcaFit {
    config: PcaConfig,
    count: usize,
    sum: Vec<f64>,
    /// Σ x·xᵀ; only columns at or right of the diagonal are kept up to date.
    products: Vec<f64>,
}

impl PcaFit {
    /// An empty fit.
    pub fn new(config: PcaConfig) -> ModelResult<Self> {
        config.check()?;
        let values = config.patch_values();
        Ok(Self { config, count: 0, sum: vec![0.0; values], products: vec![0.0; values * values] })
    }

    /// Takes in the patches of some pictures.
    ///
    /// # Shapes
    /// - pictures: `[N, 3, H, W]`, RGB in [−1, 1], H and W multiples of the patch
    pub fn add(&mut self, pictures: &Tensor) -> ModelResult<()> {
        let values = self.config.patch_values();
        let patches = cut(&pictures.to_device(&Device::Cpu)?, self.config.patch_px)?;
        if patches.dim(3)? != values {
            return Err(bad_pictures(pictures));
        }
        let patches: Vec<f64> = patches.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
        for block in patches.chunks(PATCHES_PER_BLOCK * values) {
            for patch in block.chunks_exact(values) {
                self.sum.iter_mut().zip(patch).for_each(|(sum, x)| *sum += x);
            }
            self.products.par_chunks_mut(values).enumerate().for_each(|(row, products)| {
                // Every product is summed by itself: wider instructions give the same bytes.
                vectorized(
                    #[inline(always)]
                    || add_products(&mut products[row..], block, (row, values)),
                );
            });
        }
        self.count += patches.len() / values;
        Ok(())
    }

    /// The codec of all pictures so far, on `device`.
    ///
    /// # Errors
    /// When there are fewer patches than a covariance needs, or a picture held NaN or infinity.
    pub fn finish(&self, device: &Device) -> ModelResult<PcaCodec> {
        let values = self.config.patch_values();
        if self.count < 2 || !self.sum.iter().chain(&self.products).all(|x| x.is_finite()) {
            let expected = "must be at least 2, all of finite values".to_owned();
            let got = format!("{} patches", self.count);
            return Err(ModelError::BadSetting { setting: "pictures", got, expected });
        }
        let count = self.count as f64;
        let mean: Vec<f64> = self.sum.iter().map(|sum| sum / count).collect();
        let covariance = |at: usize| {
            let (low, high) = ((at / values).min(at % values), (at / values).max(at % values));
            self.products[low * values + high] / count - mean[low] * mean[high]
        };
        let covariance: Vec<f64> = (0..values * values).map(covariance).collect();
        let kept = components(covariance, values, self.config.channels)?;
        // Rounding can leave a variance of nothing just below zero.
        let deviation = kept.iter().map(|component| component.value.max(0.0).sqrt()).collect();
        let basis = kept.into_iter().flat_map(|component| component.vector).collect();
        let tensor = |values: Vec<f64>| -> ModelResult<Tensor> {
            let length = values.len();
            Ok(Tensor::from_vec(values, length, device)?.to_dtype(DType::F32)?)
        };
        let basis = tensor(basis)?.reshape((self.config.channels, values))?;
        PcaCodec::new(self.config, [&basis, &tensor(mean)?, &tensor(deviation)?])
    }
}

/// sums += Σ x[row]·x[row..] over the patches of a block, of `values` values each.
#[allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]
#[inline(always)]
fn add_products(sums: &mut [f64], block: &[f64], (row, values): (usize, usize)) {
    for patch in block.chunks_exact(values) {
        let (factor, right) = (patch[row], &patch[row..]);
        for (sum, x) in sums.iter_mut().zip(right) {
            *sum += factor * x;
        }
    }
}

fn bad_pictures(pictures: &Tensor) -> ModelError {
    let (got, expected) = (format!("{:?}", pictures.dims()), "must be [N, 3, H, W]".to_owned());
    ModelError::BadSetting { setting: "pictures", got, expected }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use rayon::ThreadPoolBuilder;

    use super::{PcaConfig, PcaFit};
    use crate::stream::Stream;

    const CONFIG: PcaConfig = PcaConfig { patch_px: 1, channels: 3, whiten: 0.0 };

    /// Pixels whose channels are independent, with deviations 0.1, 0.3 and 0.2.
    fn pictures() -> Tensor {
        let noise = Stream::new(1, "test", 0).normal_tensor((64, 3, 8, 8), 1.0, &Device::Cpu);
        let deviation = Tensor::new(&[0.1f32, 0.3, 0.2], &Device::Cpu).unwrap();
        noise.unwrap().broadcast_mul(&deviation.reshape((1, 3, 1, 1)).unwrap()).unwrap()
    }

    #[test]
    fn components_come_in_the_order_of_their_variance() {
        let mut fit = PcaFit::new(CONFIG).unwrap();
        fit.add(&pictures()).unwrap();
        let map = fit.finish(&Device::Cpu).unwrap().to_map().unwrap();
        let deviation = map["deviation"].to_vec1::<f32>().unwrap();
        let basis = map["basis"].to_vec2::<f32>().unwrap();
        for (at, (channel, expected)) in [(1, 0.3), (2, 0.2), (0, 0.1)].into_iter().enumerate() {
            assert!((deviation[at] - expected).abs() < 0.01, "{deviation:?}");
            assert!(basis[at][channel] > 0.99, "{basis:?}");
        }
    }

    #[test]
    fn a_fit_is_the_same_bytes_at_any_number_of_threads_and_in_pieces() {
        let on = |threads, pieces: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut fit =
                    PcaFit::new(PcaConfig { patch_px: 4, channels: 5, whiten: 0.5 }).unwrap();
                pictures().chunk(pieces, 0).unwrap().iter().for_each(|part| fit.add(part).unwrap());
                (fit.sum, fit.products)
            })
        };
        assert!(on(1, 1) == on(2, 1) && on(1, 1) == on(5, 4));
    }

    #[test]
    fn pictures_that_cannot_be_fitted_are_refused() {
        let fit = PcaFit::new(CONFIG).unwrap();
        let text = fit.finish(&Device::Cpu).unwrap_err().to_string();
        assert_eq!(text, "`pictures` is 0 patches, but must be at least 2, all of finite values");
        let grey = pictures().narrow(1, 0, 1).unwrap();
        assert!(fit.clone().add(&grey).unwrap_err().to_string().contains("[64, 1, 8, 8]"));
        let many = PcaFit::new(PcaConfig { channels: 4, ..CONFIG }).unwrap_err().to_string();
        assert_eq!(many, "`channels` is 4, but must be from 1 to 3, the values of a patch");
    }
}
