//! ArcFace: an additive angular margin between people (Deng et al. 2019, Eq. 3).

use candle_core::{D, Result, Tensor};

use super::classes::own_person;

/// The two numbers of an angular margin loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Scale s of the cosines before the softmax.
    pub scale: f64,
    /// Additive angular margin m, radians.
    pub margin: f64,
}

impl Margin {
    /// cos(θ + m) of a row's own person. Where θ + m would pass π the cosine would rise again, so
    /// from there cos θ − m·sin m, as the authors' code has it.
    ///
    /// # Shapes
    /// - own_b1: `[B, 1]`, cos θ
    /// - output: `[B, 1]`
    pub(super) fn applied(self, own_b1: &Tensor) -> Result<Tensor> {
        // sin θ has an infinite slope at θ = 0 and π; no f32 cosine of real faces comes nearer.
        const EDGE: f64 = 1e-6;
        let (sin_m, cos_m) = self.margin.sin_cos();
        let sine_b1 = (1.0 - own_b1.sqr()?)?.clamp(EDGE, 1.0)?.sqrt()?;
        let turned = ((own_b1 * cos_m)? - (sine_b1 * sin_m)?)?;
        let beyond = (own_b1 - self.margin * sin_m)?;
        own_b1.gt(-cos_m)?.where_cond(&turned, &beyond)
    }

    /// Softmax cross-entropy over s·cos, where a row's own cosine is replaced by `margined_b1` and
    /// the others are `others_bk`.
    ///
    /// # Shapes
    /// - others_bk, own_mask_bk: `[B, K]`; margined_b1: `[B, 1]`
    /// - output: scalar
    pub(super) fn cross_entropy(
        self,
        others_bk: &Tensor,
        margined_b1: &Tensor,
        own_mask_bk: &Tensor,
    ) -> Result<Tensor> {
        let others = (others_bk * (1.0 - own_mask_bk)?)?;
        let logits_bk = ((others + own_mask_bk.broadcast_mul(margined_b1)?)? * self.scale)?;
        (logits_bk.log_sum_exp(D::Minus1)? - (margined_b1.squeeze(1)? * self.scale)?)?.mean_all()
    }
}

/// −log( e^{s·cos(θ_y+m)} / (e^{s·cos(θ_y+m)} + Σ_{j≠y} e^{s·cos θ_j}) ), mean over the batch.
///
/// # Shapes
/// - cosines_bk: `[B, K]`, cos θⱼ; people: B, each below K
/// - output: scalar
pub fn arcface(cosines_bk: &Tensor, people: &[u32], margin: Margin) -> Result<Tensor> {
    let own_bk = own_person(cosines_bk, people)?;
    let own_b1 = (cosines_bk * &own_bk)?.sum_keepdim(D::Minus1)?;
    margin.cross_entropy(cosines_bk, &margin.applied(&own_b1)?, &own_bk)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{Margin, arcface};
    use crate::ops::gradcheck;

    const MARGIN: Margin = Margin { scale: 8.0, margin: 0.5 };

    fn cosines() -> Tensor {
        let rows = [[0.9_f64, 0.1, -0.3], [0.2, -0.95, 0.4], [-0.2, 0.3, 0.55]];
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    #[test]
    fn values_are_those_computed_by_hand() {
        // One row, own person first: s·cos(acos 0.9 + 0.5) = 8·(0.9·0.877583 − 0.435890·0.479426)
        // = 4.646780; the others 0.8 and −2.4. ln(e^4.646780 + e^0.8 + e^−2.4) − 4.646780.
        let one = cosines().narrow(0, 0, 1).unwrap();
        let loss = arcface(&one, &[0], MARGIN).unwrap().to_scalar::<f64>().unwrap();
        let own = 8.0 * (0.9_f64.acos() + 0.5).cos();
        let expected = (own.exp() + 0.8_f64.exp() + (-2.4_f64).exp()).ln() - own;
        assert!((own - 4.646_780).abs() < 1e-5, "{own}");
        assert!((loss - expected).abs() < 1e-9, "{loss} {expected}");
        // Past π − m the margin is linear: 8·(−0.95 − 0.5·sin 0.5).
        let two = cosines().narrow(0, 1, 1).unwrap();
        let loss = arcface(&two, &[1], MARGIN).unwrap().to_scalar::<f64>().unwrap();
        let own = 8.0 * (-0.95 - 0.5 * 0.5_f64.sin());
        let expected = (own.exp() + 1.6_f64.exp() + 3.2_f64.exp()).ln() - own;
        assert!((loss - expected).abs() < 1e-9, "{loss} {expected}");
    }

    #[test]
    fn without_a_margin_it_is_softmax_cross_entropy() {
        let plain = Margin { scale: 8.0, margin: 0.0 };
        let people = [0, 1, 2];
        let found = arcface(&cosines(), &people, plain).unwrap().to_scalar::<f64>().unwrap();
        let targets = Tensor::new(&people, &Device::Cpu).unwrap();
        let logits = (cosines() * 8.0).unwrap();
        let expected = candle_nn::loss::cross_entropy(&logits, &targets).unwrap();
        assert!((found - expected.to_scalar::<f64>().unwrap()).abs() < 1e-9);
    }

    #[test]
    fn gradients_match_finite_differences() {
        gradcheck(&|x| arcface(&x[0], &[0, 1, 2], MARGIN), &[cosines()], 1e-6).unwrap();
        assert!(arcface(&cosines(), &[0, 1, 3], MARGIN).is_err());
        let single = cosines().to_dtype(DType::F32).unwrap();
        assert!(arcface(&single, &[0, 1, 2], MARGIN).unwrap().dtype() == DType::F32);
    }
}
