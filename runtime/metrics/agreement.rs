//! Whether two rulers order the same things alike.

/// Spearman's rank correlation of two rulers' numbers for the same things, −1 to 1; ties share the
/// mean of their places. `None` for fewer than two things, or where one ruler sees no difference.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (places(a), places(b));
    if a.len() != b.len() {
        return None;
    }
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// Places in the order of size, from 0.
fn places(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut places = vec![0.0; values.len()];
    for equal in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let first = order.partition_point(|&i| values[i].total_cmp(&values[equal[0]]).is_lt());
        for &i in equal {
            places[i] = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::rank_correlation;

    #[test]
    fn it_agrees_with_r() {
        // cor(c(1, 2, 3, 4, 5), c(5, 6, 7, 8, 7), method = "spearman") → 0.8207827
        let found = rank_correlation(&[1., 2., 3., 4., 5.], &[5., 6., 7., 8., 7.]).unwrap();
        assert!((found - 0.820_782_7).abs() < 1e-6, "{found}");
        let bent = [0.1_f64, 0.2, 0.9, 3.0].map(f64::exp);
        assert!((rank_correlation(&[1., 2., 3., 4.], &bent).unwrap() - 1.0).abs() < 1e-12);
        assert!((rank_correlation(&[4., 3., 2., 1.], &bent).unwrap() + 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_said_where_there_is_no_order() {
        assert_eq!(rank_correlation(&[1., 1., 1.], &[1., 2., 3.]), None);
        assert_eq!(rank_correlation(&[1.], &[2.]), None);
        assert_eq!(rank_correlation(&[1., 2.], &[1.]), None);
    }
}
