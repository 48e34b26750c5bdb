//! The flow-matching objective: noisy latents, their target velocity, and the loss.

use std::ops::Range;

use candle_core::{D, Result, Tensor, bail};

use super::{NoiseLevels, Weighting};
use crate::error::ModelResult;
use crate::stream::Stream;

/// How a network is trained to predict velocities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowMatching {
    /// Which noise levels are visited.
    pub levels: NoiseLevels,
    /// How much each counts.
    pub weighting: Weighting,
    /// Whether the loss also covers frames that are no part of the video, as DiffSynth's covers the
    /// reference frames that VACE puts in front.
    pub covers_references: bool,
}

/// A batch of latents with noise mixed in.
#[derive(Clone, Debug)]
pub struct NoisySample {
    /// x_σ = (1−σ)·x₀ + σ·ε, `[B, C, F, H, W]`.
    pub noisy: Tensor,
    /// v = ε − x₀, `[B, C, F, H, W]`.
    pub target: Tensor,
    /// t = 1000·σ, `[B]`.
    pub timesteps: Tensor,
    /// σ of each sample.
    pub sigmas: Vec<f64>,
}

impl FlowMatching {
    /// What DiffSynth trains Wan and VACE with: the table of levels, the bell, references covered.
    pub fn diffsynth(shift: f64) -> Self {
        Self {
            levels: NoiseLevels::Table { shift },
            weighting: Weighting::bell(shift),
            covers_references: true,
        }
    }

    /// Fails unless the settings make an objective.
    pub fn check(&self) -> ModelResult<()> {
        self.levels.check()
    }

    /// Draws a noise level for each sample of a batch.
    pub fn draw(&self, batch: usize, stream: &mut Stream) -> Vec<f64> {
        (0..batch).map(|_| self.levels.draw(stream)).collect()
    }

    /// Mixes noise into clean latents.
    ///
    /// # Shapes
    /// - clean, noise: `[B, C, F, H, W]`
    /// - sigmas: B levels in [0, 1]
    pub fn mix(clean: &Tensor, noise: &Tensor, sigmas: &[f64]) -> Result<NoisySample> {
        let batch = clean.dim(0)?;
        if noise.dims() != clean.dims() || sigmas.len() != batch {
            bail!(
                "expected noise of the latents' shape {:?} and {batch} levels, found {:?} and {}",
                clean.shape(),
                noise.shape(),
                sigmas.len()
            );
        }
        let mut rows = vec![1; clean.rank()];
        rows[0] = batch;
        let column = |of: &dyn Fn(f64) -> f64| {
            let values: Vec<f32> = sigmas.iter().map(|&sigma| of(sigma) as f32).collect();
            Tensor::from_vec(values, batch, clean.device())
        };
        let kept =
            column(&|sigma| 1.0 - sigma)?.reshape(rows.as_slice())?.to_dtype(clean.dtype())?;
        let mixed = column(&|sigma| sigma)?.reshape(rows.as_slice())?.to_dtype(clean.dtype())?;
        Ok(NoisySample {
            noisy: (clean.broadcast_mul(&kept)? + noise.broadcast_mul(&mixed)?)?,
            target: (noise - clean)?,
            timesteps: column(&|sigma| 1000.0 * sigma)?,
            sigmas: sigmas.to_vec(),
        })
    }

    /// The loss: the batch mean of w(σ)·MSE(v̂, v).
    ///
    /// # Shapes
    /// - prediction: v̂, `[B, C, F, H, W]`
    /// - video: which of the F frames are the video; the others count only with
    ///   `covers_references`
    /// - output: scalar
    pub fn loss(
        &self,
        prediction: &Tensor,
        sample: &NoisySample,
        video: Range<usize>,
    ) -> Result<Tensor> {
        self.losses(prediction, sample, video)?.mean_all()
    }

    /// The weighted loss of each sample.
    ///
    /// # Shapes
    /// - prediction: v̂, `[B, C, F, H, W]`; video: a range within 0..F
    /// - output: `[B]`
    pub fn losses(
        &self,
        prediction: &Tensor,
        sample: &NoisySample,
        video: Range<usize>,
    ) -> Result<Tensor> {
        let (_, _, frames, _, _) = prediction.dims5()?;
        if prediction.dims() != sample.target.dims() || video.is_empty() || video.end > frames {
            bail!(
                "expected a velocity of shape {:?} and video frames within it, found {:?} and \
                 frames {video:?}",
                sample.target.shape(),
                prediction.shape()
            );
        }
        let error = if self.covers_references || video.len() == frames {
            (prediction - &sample.target)?
        } else {
            let of = |x: &Tensor| x.narrow(2, video.start, video.len());
            (of(prediction)? - of(&sample.target)?)?
        };
        let errors_b = error.sqr()?.flatten_from(1)?.mean(D::Minus1)?;
        let weights: Vec<f32> =
            sample.sigmas.iter().map(|&sigma| self.weighting.weight(sigma) as f32).collect();
        let weights = Tensor::from_vec(weights, errors_b.dim(0)?, prediction.device())?;
        errors_b * weights.to_dtype(prediction.dtype())?
    }
}

#[cfg(test)]
mod tests {
    use super::{FlowMatching, NoiseLevels, Weighting};
    use crate::ops::gradcheck;
    use crate::stream::Stream;
    use candle_core::{Device, Tensor};

    fn plain(covers_references: bool) -> FlowMatching {
        let levels = NoiseLevels::Uniform { shift: 1.0 };
        FlowMatching { levels, weighting: Weighting::None, covers_references }
    }

    fn normal(stream: &mut Stream) -> Tensor {
        stream.normal_tensor((2, 2, 3, 1, 2), 1.0, &Device::Cpu).unwrap()
    }

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_mixture_is_clean_at_0_and_noise_at_1() {
        let mut stream = Stream::new(5, "test/matching", 0);
        let (clean, noise) = (normal(&mut stream), normal(&mut stream));
        let sample = FlowMatching::mix(&clean, &noise, &[0.0, 1.0]).unwrap();
        let noisy = numbers(&sample.noisy);
        assert_eq!(noisy[..12], numbers(&clean)[..12]);
        assert_eq!(noisy[12..], numbers(&noise)[12..]);
        assert_eq!(numbers(&sample.timesteps), [0.0, 1000.0]);
        // Along the target velocity, x₀ is one σ away.
        let sample = FlowMatching::mix(&clean, &noise, &[0.3, 0.3]).unwrap();
        let back = (&sample.noisy - (&sample.target * 0.3).unwrap()).unwrap();
        let furthest = (back - clean).unwrap().abs().unwrap().max_all().unwrap();
        assert!(furthest.to_scalar::<f32>().unwrap() < 1e-6);
    }

    #[test]
    fn the_loss_is_the_weighted_mean_square() {
        let mut stream = Stream::new(6, "test/matching", 0);
        let (clean, noise) = (normal(&mut stream), normal(&mut stream));
        let sample = FlowMatching::mix(&clean, &noise, &[0.9, 0.05]).unwrap();
        let off = (&sample.target + 0.5).unwrap(); // squared error 0.25 everywhere
        let loss = |objective: FlowMatching| -> f32 {
            objective.loss(&off, &sample, 0..3).unwrap().to_scalar().unwrap()
        };
        assert!((loss(plain(true)) - 0.25).abs() < 1e-6);
        let bell = FlowMatching { weighting: Weighting::bell(5.0), ..plain(true) };
        let expected = 0.25 * (bell.weighting.weight(0.9) + bell.weighting.weight(0.05)) / 2.0;
        assert!((f64::from(loss(bell)) - expected).abs() < 1e-5);
    }

    #[test]
    fn references_count_only_when_asked() {
        let mut stream = Stream::new(7, "test/matching", 0);
        let (clean, noise) = (normal(&mut stream), normal(&mut stream));
        let sample = FlowMatching::mix(&clean, &noise, &[0.5, 0.5]).unwrap();
        // Wrong by 1 on frame 0, the reference.
        let wrong = Tensor::new(&[1f32, 0.0, 0.0], &Device::Cpu).unwrap();
        let wrong = wrong.reshape((1, 1, 3, 1, 1)).unwrap();
        let prediction = sample.target.broadcast_add(&wrong).unwrap();
        let loss = |covers: bool| -> f32 {
            plain(covers).loss(&prediction, &sample, 1..3).unwrap().to_scalar().unwrap()
        };
        assert!(loss(false) < 1e-12);
        assert!((loss(true) - 1.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn gradients_match_finite_differences() {
        let mut stream = Stream::new(8, "test/matching", 0);
        let (clean, noise, v) = (normal(&mut stream), normal(&mut stream), normal(&mut stream));
        let sample = FlowMatching::mix(&clean, &noise, &[0.9, 0.4]).unwrap();
        for covers_references in [true, false] {
            let objective = FlowMatching { covers_references, ..FlowMatching::diffsynth(5.0) };
            let losses = |x: &[Tensor]| objective.losses(&x[0], &sample, 1..3);
            gradcheck(&losses, std::slice::from_ref(&v), 1e-3).unwrap();
        }
    }

    #[test]
    fn shapes_and_counts_that_do_not_fit_are_errors() {
        let mut stream = Stream::new(9, "test/matching", 0);
        let (clean, noise) = (normal(&mut stream), normal(&mut stream));
        let error = FlowMatching::mix(&clean, &noise, &[0.5]).unwrap_err().to_string();
        assert!(error.contains("2 levels, found"), "{error}");
        let sample = FlowMatching::mix(&clean, &noise, &[0.5, 0.5]).unwrap();
        assert!(plain(true).loss(&sample.target, &sample, 1..4).is_err());
        assert!(plain(true).loss(&sample.target, &sample, 2..2).is_err());
    }
}
