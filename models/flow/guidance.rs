//! Guidance: one velocity out of several passes under different conditions.

use candle_core::{Result, Tensor, bail};

use super::weighted_sum;

/// One pass of a [`Guidance`].
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// Name of the condition the network is given, e.g. `text`.
    pub condition: String,
    /// Its weight in the sum.
    pub weight: f64,
}

/// v = Σ wᵢ·vᵢ over named conditions. Which tensors a condition stands for is the caller's matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Guidance {
    passes: Vec<Pass>,
}

impl Guidance {
    /// A sum of one's own. Passes of weight 0 are dropped: they would cost time and change nothing.
    pub fn new(passes: impl IntoIterator<Item = (impl Into<String>, f64)>) -> Self {
        let passes = passes
            .into_iter()
            .filter(|(_, weight)| *weight != 0.0)
            .map(|(condition, weight)| Pass { condition: condition.into(), weight });
        Self { passes: passes.collect() }
    }

    /// One pass, with the condition `positive`.
    pub fn none() -> Self {
        Self::new([("positive", 1.0)])
    }

    /// Classifier-free guidance: negative + w·(positive − negative). At w = 1 only `positive` runs.
    pub fn classifier_free(scale: f64) -> Self {
        Self::new([("negative", 1.0 - scale), ("positive", scale)])
    }

    /// Phantom's three passes: neg + image·(ref − neg) + text·(positive − ref), where `reference`
    /// has the references without the prompt. Its defaults are 5.0 and 7.5.
    pub fn phantom(image: f64, text: f64) -> Self {
        Self::new([("negative", 1.0 - image), ("reference", image - text), ("positive", text)])
    }

    /// The passes to run, in the order in which [`Guidance::combine`] wants them.
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// The guided velocity. Computed as v₀·Σw + Σ wᵢ·(vᵢ − v₀): the same sum, but where the passes
    /// nearly agree, large weights of both signs do not magnify rounding.
    ///
    /// # Shapes
    /// - velocities: one per pass, all of one shape
    /// - output: that shape
    pub fn combine(&self, velocities: &[Tensor]) -> Result<Tensor> {
        if velocities.len() != self.passes.len() {
            bail!(
                "expected {} velocities, one per pass, found {}",
                self.passes.len(),
                velocities.len()
            );
        }
        let Some((first, others)) = velocities.split_first() else {
            bail!("guidance without a pass of nonzero weight")
        };
        let total: f64 = self.passes.iter().map(|pass| pass.weight).sum();
        let differences =
            others.iter().map(|velocity| velocity - first).collect::<Result<Vec<_>>>()?;
        let weights = self.passes.iter().skip(1).map(|pass| pass.weight);
        let terms: Vec<_> =
            std::iter::once((total, first)).chain(weights.zip(&differences)).collect();
        weighted_sum(&terms)
    }
}

#[cfg(test)]
mod tests {
    use super::Guidance;
    use candle_core::{Device, Tensor};

    fn guided(guidance: &Guidance, values: &[f64]) -> f64 {
        let tensors: Vec<_> =
            values.iter().map(|&value| Tensor::new(value, &Device::Cpu).unwrap()).collect();
        guidance.combine(&tensors).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn two_and_three_passes_are_the_published_formulas() {
        let (neg, image, both) = (0.3, -0.7, 1.1);
        let cfg = guided(&Guidance::classifier_free(5.0), &[neg, both]);
        assert!((cfg - (neg + 5.0 * (both - neg))).abs() < 1e-12);
        let phantom = guided(&Guidance::phantom(5.0, 7.5), &[neg, image, both]);
        let expected = neg + 5.0 * (image - neg) + 7.5 * (both - image);
        assert!((phantom - expected).abs() < 1e-12);
    }

    #[test]
    fn weights_need_not_add_to_one() {
        let sum = guided(&Guidance::new([("a", 2.0), ("b", 0.5)]), &[3.0, 4.0]);
        assert!((sum - 8.0).abs() < 1e-12);
    }

    #[test]
    fn passes_without_weight_are_not_run() {
        assert_eq!(Guidance::classifier_free(1.0), Guidance::none());
        assert_eq!(Guidance::classifier_free(0.0).passes()[0].condition, "negative");
    }

    #[test]
    fn velocities_are_counted() {
        let one = Tensor::new(1f64, &Device::Cpu).unwrap();
        let error = Guidance::classifier_free(5.0).combine(&[one]).unwrap_err().to_string();
        assert!(error.starts_with("expected 2 velocities, one per pass, found 1"), "{error}");
        assert!(Guidance::new([("a", 0.0)]).combine(&[]).is_err());
    }
}
