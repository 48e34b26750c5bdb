//! How much of the dictionary does the work.

/// Elements counted as active for a face, as in the paper's Fig. 7.
pub const STRONGEST: usize = 10;

/// Use of the dictionary over a set of faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Entropy of the activation counts over ln C, in [0, 1].
    pub entropy: f64,
    /// exp of the entropy in nats.
    pub effective: f64,
    /// Share of elements that no face activates.
    pub dead: f64,
}

/// Counts how often each of `elements` dictionary elements is among the strongest of a face.
/// `weights` is row-major (faces × elements).
pub fn usage(weights: &[f32], elements: usize) -> Usage {
    let mut counts = vec![0u32; elements];
    for row in weights.chunks_exact(elements) {
        for element in strongest(row) {
            counts[element] += 1;
        }
    }
    let total: f64 = counts.iter().copied().map(f64::from).sum();
    let nats: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|share| -share * share.ln())
        .sum();
    let dead = counts.iter().filter(|&&count| count == 0).count();
    Usage {
        entropy: if elements > 1 { nats / (elements as f64).ln() } else { 1.0 },
        effective: nats.exp(),
        dead: dead as f64 / elements as f64,
    }
}

/// Indices of the ten largest weights; equal weights go to the lower index.
pub(super) fn strongest(row: &[f32]) -> Vec<usize> {
    let keep = STRONGEST.min(row.len());
    let mut order: Vec<usize> = (0..row.len()).collect();
    let by_weight = |&a: &usize, &b: &usize| row[b].total_cmp(&row[a]).then(a.cmp(&b));
    if keep < row.len() {
        order.select_nth_unstable_by(keep - 1, by_weight);
    }
    order.truncate(keep);
    order
}

#[cfg(test)]
mod tests {
    use super::usage;

    #[test]
    fn even_use_has_entropy_one_and_one_face_uses_ten() {
        let mut rows = Vec::new();
        for face in 0..4usize {
            rows.extend((0..40).map(|i| if i / 10 == face { 1.0 } else { 0.0 }));
        }
        let even = usage(&rows, 40);
        assert!((even.entropy - 1.0).abs() < 1e-9 && even.dead.abs() < 1e-12);
        let one = usage(&rows[..40], 40);
        assert!((one.effective - 10.0).abs() < 1e-9 && (one.dead - 0.75).abs() < 1e-12);
    }
}
