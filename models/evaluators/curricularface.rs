//! CurricularFace: an angular margin that turns to hard negatives as training goes on (Huang et
//! al. 2020, Eq. 8–12).

use candle_core::{D, DType, Result, Tensor};

use super::arcface::Margin;
use super::classes::own_person;

/// How far the curriculum has come: t, a moving average of the rows' own cosines. Small at first,
/// when hard negatives count less than easy ones; near the end they count more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Curriculum {
    /// t of Eq. 10.
    pub t: f64,
}

impl Curriculum {
    /// The weight of a new batch. The paper calls 0.99 the momentum of Eq. 12; in its code the new
    /// batch counts 0.01.
    const NEW: f64 = 0.01;

    /// t = 0.01·r + 0.99·t with r the mean own cosine of a batch (Eq. 12). Called before the
    /// batch's loss, as in the authors' code.
    pub fn advance(&mut self, mean_own_cosine: f64) {
        self.t = Self::NEW * mean_own_cosine + (1.0 - Self::NEW) * self.t;
    }
}

/// The loss of a batch, which moves `curriculum` first. Own cosines become cos(θ_y + m) (Eq. 9);
/// a negative whose cosine exceeds that is hard and becomes cos θⱼ·(t + cos θⱼ) (Eq. 10).
///
/// # Shapes
/// - cosines_bk: `[B, K]`, cos θⱼ; people: B, each below K
/// - output: scalar
pub fn curricularface(
    cosines_bk: &Tensor,
    people: &[u32],
    margin: Margin,
    curriculum: &mut Curriculum,
) -> Result<Tensor> {
    let own_bk = own_person(cosines_bk, people)?;
    let own_b1 = (cosines_bk * &own_bk)?.sum_keepdim(D::Minus1)?;
    let mean = own_b1.detach().mean_all()?.to_dtype(DType::F64)?;
    curriculum.advance(mean.to_scalar()?);
    at(curriculum.t, (cosines_bk, &own_b1, &own_bk), margin)
}

/// The loss at a t, which carries no gradient.
fn at(
    t: f64,
    (cosines_bk, own_b1, own_bk): (&Tensor, &Tensor, &Tensor),
    margin: Margin,
) -> Result<Tensor> {
    let margined_b1 = margin.applied(own_b1)?;
    let hard_bk = cosines_bk.broadcast_gt(&margined_b1)?;
    let harder = (cosines_bk * (cosines_bk + t)?)?;
    let others_bk = hard_bk.where_cond(&harder, cosines_bk)?;
    margin.cross_entropy(&others_bk, &margined_b1, own_bk)
}

#[cfg(test)]
mod tests {
    use candle_core::{D, Device, Tensor};

    use super::{Curriculum, at, curricularface};
    use crate::evaluators::arcface::Margin;
    use crate::evaluators::classes::own_person;
    use crate::ops::gradcheck;

    const MARGIN: Margin = Margin { scale: 8.0, margin: 0.5 };

    fn cosines() -> Tensor {
        Tensor::new(&[[0.6_f64, 0.5, -0.3], [0.2, 0.8, 0.1]], &Device::Cpu).unwrap()
    }

    #[test]
    fn values_are_those_computed_by_hand() {
        let mut curriculum = Curriculum { t: 0.3 };
        let loss = curricularface(&cosines(), &[0, 1], MARGIN, &mut curriculum).unwrap();
        // r = (0.6 + 0.8)/2, so t = 0.007 + 0.297 = 0.304.
        assert!((curriculum.t - 0.304).abs() < 1e-12);
        // Row 1: cos(acos 0.6 + 0.5) = 0.1430; 0.5 is above it, so hard: 0.5·(0.304 + 0.5) = 0.402.
        let own = (0.6_f64.acos() + 0.5).cos();
        assert!((own - 0.143_01).abs() < 1e-4, "{own}");
        let row = |own: f64, others: [f64; 2]| {
            let terms = [own, others[0], others[1]].map(|cosine| (8.0 * cosine).exp());
            terms.iter().sum::<f64>().ln() - 8.0 * own
        };
        // Row 2: cos(acos 0.8 + 0.5) = 0.4144; both others are below it and stay.
        let second = (0.8_f64.acos() + 0.5).cos();
        let expected = f64::midpoint(row(own, [0.402, -0.3]), row(second, [0.2, 0.1]));
        let found = loss.to_scalar::<f64>().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn gradients_match_finite_differences() {
        let loss = |x: &[Tensor]| {
            let own_bk = own_person(&x[0], &[0, 1])?;
            let own_b1 = (&x[0] * &own_bk)?.sum_keepdim(D::Minus1)?;
            at(0.5, (&x[0], &own_b1, &own_bk), MARGIN)
        };
        gradcheck(&loss, &[cosines()], 1e-6).unwrap();
    }
}
