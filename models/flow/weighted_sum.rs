//! Linear combinations of tensors with f64 coefficients.

use candle_core::{Result, Tensor, bail};

/// Σ cᵢ·xᵢ, in order. Terms with coefficient 0 are left out, so that they may be infinite.
///
/// # Shapes
/// - terms: all of one shape; at least one
/// - output: that shape
pub fn weighted_sum(terms: &[(f64, &Tensor)]) -> Result<Tensor> {
    let Some((_, first)) = terms.first() else { bail!("a weighted sum of nothing") };
    let mut sum: Option<Tensor> = None;
    for (coefficient, term) in terms.iter().filter(|(coefficient, _)| *coefficient != 0.0) {
        let term = if *coefficient == 1.0 { (*term).clone() } else { (*term * *coefficient)? };
        sum = Some(match sum {
            Some(sum) => (sum + term)?,
            None => term,
        });
    }
    sum.map_or_else(|| first.zeros_like(), Ok)
}

#[cfg(test)]
mod tests {
    use super::weighted_sum;
    use candle_core::{Device, Tensor};

    #[test]
    fn a_term_without_weight_cannot_spoil_the_sum() {
        let x = Tensor::new(&[1f32, -2.0], &Device::Cpu).unwrap();
        let infinite = Tensor::new(&[f32::INFINITY, f32::NAN], &Device::Cpu).unwrap();
        let sum = |terms: &[(f64, &Tensor)]| weighted_sum(terms).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(sum(&[(3.0, &x), (0.0, &infinite), (1.0, &x)]), [4.0, -8.0]);
        assert_eq!(sum(&[(0.0, &x)]), [0.0, 0.0]);
        assert!(weighted_sum(&[]).is_err());
    }
}
