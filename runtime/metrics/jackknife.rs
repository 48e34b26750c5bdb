//! Intervals over people for numbers that are no mean over people.

/// The jackknife's pseudo-values of a statistic of `groups` people: their mean is its estimate
/// without the bias of first order, and their spread is what leaving a person out, with all pairs that
/// show them, does to it. `statistic` leaves out the person it is given; nothing where it gives nothing.
///
/// Tukey 1958; Efron & Stein 1981 for statistics of pairs.
pub fn pseudo_values(
    groups: usize,
    statistic: &dyn Fn(Option<usize>) -> Option<f64>,
) -> Option<Vec<f64>> {
    let (all, count) = (statistic(None)?, groups as f64);
    (0..groups).map(|group| Some(count * all - (count - 1.0) * statistic(Some(group))?)).collect()
}

/// The same, moved so that their mean is the statistic itself: for statistics with a threshold that
/// is a quantile, whose bias leaving out a person does not tell.
pub fn centred_values(
    groups: usize,
    statistic: &dyn Fn(Option<usize>) -> Option<f64>,
) -> Option<Vec<f64>> {
    let values = pseudo_values(groups, statistic)?;
    let bias = values.iter().sum::<f64>() / groups as f64 - statistic(None)?;
    Some(values.iter().map(|value| value - bias).collect())
}

#[cfg(test)]
mod tests {
    use super::{centred_values, pseudo_values};

    #[test]
    fn of_a_mean_they_are_the_values() {
        let values = [1.0, 5.0, -2.0, 8.0];
        let mean = |without: Option<usize>| {
            let kept: Vec<f64> =
                (0..4).filter(|&i| Some(i) != without).map(|i| values[i]).collect();
            Some(kept.iter().sum::<f64>() / kept.len() as f64)
        };
        let found = pseudo_values(4, &mean).unwrap();
        assert!(found.iter().zip(values).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn they_take_the_bias_off_a_variance() {
        let values = [1.0, 5.0, -2.0, 8.0, 3.0];
        let biased = |without: Option<usize>| {
            let kept: Vec<f64> =
                (0..5).filter(|&i| Some(i) != without).map(|i| values[i]).collect();
            let mean = kept.iter().sum::<f64>() / kept.len() as f64;
            Some(kept.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / kept.len() as f64)
        };
        let found = pseudo_values(5, &biased).unwrap();
        // var(c(1, 5, -2, 8, 3)) in R → 14.5
        assert!((found.iter().sum::<f64>() / 5.0 - 14.5).abs() < 1e-9, "{found:?}");
        let centred = centred_values(5, &biased).unwrap();
        assert!((centred.iter().sum::<f64>() / 5.0 - 11.6).abs() < 1e-9, "{centred:?}");
        assert!((centred[0] - centred[1] - found[0] + found[1]).abs() < 1e-9);
        assert_eq!(pseudo_values(2, &|without| without.is_none().then_some(1.0)), None);
    }
}
