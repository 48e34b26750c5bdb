//! Holm's correction for several comparisons under one heading.

/// Adjusted p-values in the order given: each bounds the chance of even one false mark in the
/// whole family. `NaN` (no test possible) stays `NaN` and does not count as a comparison.
///
/// Holm 1979, "A simple sequentially rejective multiple test procedure".
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&i| !p_values[i].is_nan()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut running = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        running = running.max((order.len() - rank) as f64 * p_values[index]).min(1.0);
        adjusted[index] = running;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_r() {
        // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") → 0.03 0.06 0.06 0.02
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (ours, r) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((ours - r).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn a_missing_test_is_not_counted() {
        let adjusted = holm(&[0.02, f64::NAN, 0.9]);
        assert!((adjusted[0] - 0.04).abs() < 1e-12);
        assert!(adjusted[1].is_nan());
        assert!((adjusted[2] - 0.9).abs() < 1e-12);
    }
}
