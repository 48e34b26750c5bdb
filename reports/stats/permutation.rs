//! Paired permutation test: does the mean difference survive random exchanges within persons?

use super::draws::Draws;

/// Up to this many persons every exchange is tried (2¹² sign patterns), beyond it a sample.
const EXACT_UP_TO: usize = 12;
/// Sampled sign patterns; the smallest p is then 1/10001.
const SAMPLES: usize = 10_000;

/// Two-sided p-value of the mean of `differences` (one per identity) under sign flips.
/// `NaN` without differences.
///
/// Under the null hypothesis the two conditions of a person are exchangeable, so each sign is a
/// fair coin (Fisher 1935, §21). Sampled p-values count the observed pattern itself, which keeps
/// them valid (Phipson, Smyth 2010).
pub(crate) fn sign_flip(differences: &[f64], name: &str) -> f64 {
    if differences.is_empty() {
        return f64::NAN;
    }
    let total: f64 = differences.iter().sum();
    let size: f64 = differences.iter().map(|d| d.abs()).sum();
    // Rounding must not separate patterns that tie with the observed one.
    let threshold = total.abs() - 1e-12 * size;
    if differences.len() <= EXACT_UP_TO {
        exact(differences, threshold)
    } else {
        sampled(differences, threshold, &mut Draws::named(name))
    }
}

fn exact(differences: &[f64], threshold: f64) -> f64 {
    let patterns = 1_u64 << differences.len();
    let extreme =
        (0..patterns).filter(|&signs| flipped_sum(differences, signs).abs() >= threshold).count();
    extreme as f64 / patterns as f64
}

fn sampled(differences: &[f64], threshold: f64, draws: &mut Draws) -> f64 {
    let mut extreme = 0;
    for _ in 0..SAMPLES {
        let sum: f64 = differences.chunks(64).map(|chunk| flipped_sum(chunk, draws.bits())).sum();
        extreme += usize::from(sum.abs() >= threshold);
    }
    (extreme + 1) as f64 / (SAMPLES + 1) as f64
}

/// Sum with the sign of each term taken from a bit; no branch, since the bits are coin throws.
fn flipped_sum(differences: &[f64], signs: u64) -> f64 {
    let flip = |(i, d): (usize, &f64)| f64::from_bits(d.to_bits() ^ (((signs >> i) & 1) << 63));
    differences.iter().enumerate().map(flip).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_persons_are_tested_exactly() {
        // Fisher's way by hand: of the 8 patterns of {1, 2, 3}, two reach |sum| = 6.
        assert!((sign_flip(&[1.0, 2.0, 3.0], "t") - 0.25).abs() < 1e-15);
        // |sum| ≥ 1.4 of at most 1.6: flip nothing, or one of the two 0.1s; both sides, of 64.
        let p = sign_flip(&[0.3, -0.1, 0.4, 0.2, 0.5, 0.1], "t");
        assert!((p - 6.0 / 64.0).abs() < 1e-15, "{p}");
    }

    #[test]
    fn no_difference_is_no_evidence() {
        assert!((sign_flip(&[0.0; 40], "t") - 1.0).abs() < 1e-15);
        assert!((sign_flip(&[0.0; 4], "t") - 1.0).abs() < 1e-15);
    }

    #[test]
    fn sampling_agrees_with_enumeration() {
        let differences: Vec<f64> = (0..12).map(|i| f64::from(i * 7 % 12) - 4.0).collect();
        let full = sign_flip(&differences, "t");
        let size = differences.iter().map(|d| d.abs()).sum::<f64>();
        let threshold = differences.iter().sum::<f64>().abs() - 1e-12 * size;
        let drawn = sampled(&differences, threshold, &mut Draws::named("t"));
        assert!((full - drawn).abs() < 0.015, "{full} {drawn}");
    }
}
