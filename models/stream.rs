//! Counter-based random streams: the only source of randomness in ffrun.
//!
//! A stream is named by (seed, purpose, step). Nothing is carried from one step to the next, so a
//! training resumed at step 731 draws what it would have drawn without the interruption, and two
//! purposes never share numbers. candle's own generators are banned: on the CPU they cannot be
//! seeded (`Device::set_seed` fails), so they would make every run unrepeatable.

use candle_core::{DType, Device, Result, Shape, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A stream of random numbers named by (seed, purpose, step).
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `purpose` (a short stable name such as `"init/dictionary"`) at `step`.
    pub fn new(seed: u64, purpose: &str, step: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("ffrun random stream v1");
        hasher.update(&seed.to_le_bytes());
        hasher.update(&step.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.random()
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f32 {
        self.0.random()
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// Uniform in {0, …, bound − 1}. A bound of 0 is treated as 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound.max(1))
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.uniform() < p
    }

    /// A random order of the items (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// A tensor of independent N(0, std²) values.
    pub fn normal_tensor<S: Into<Shape>>(
        &mut self,
        shape: S,
        std: f32,
        device: &Device,
    ) -> Result<Tensor> {
        let shape = shape.into();
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| std * self.normal()).collect();
        Tensor::from_vec(values, shape, device)?.to_dtype(DType::F32)
    }

    /// A tensor of independent uniform values in [−bound, bound).
    pub fn uniform_tensor<S: Into<Shape>>(
        &mut self,
        shape: S,
        bound: f32,
        device: &Device,
    ) -> Result<Tensor> {
        let shape = shape.into();
        let values: Vec<f32> =
            (0..shape.elem_count()).map(|_| self.between(-bound, bound)).collect();
        Tensor::from_vec(values, shape, device)
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn a_stream_is_its_name() {
        let draw = |seed, purpose, step| Stream::new(seed, purpose, step).bits();
        assert_eq!(draw(1, "a", 0), draw(1, "a", 0));
        let others = [draw(2, "a", 0), draw(1, "b", 0), draw(1, "a", 1)];
        assert!(others.iter().all(|&other| other != draw(1, "a", 0)));
    }

    #[test]
    fn normals_have_unit_variance() {
        let mut stream = Stream::new(7, "test", 0);
        let draws: Vec<f32> = (0..20_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f32>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
