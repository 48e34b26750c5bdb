//! Face verification: do two pictures show one person? AUC and TAR at a FAR over pairs.

/// Similarities of pairs that show one person, and of pairs that show two.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    /// Of one person.
    pub genuine: Vec<f32>,
    /// Of two people.
    pub impostor: Vec<f32>,
}

impl Trials {
    /// The probability that a genuine pair is more alike than an impostor pair; ties count half.
    /// `None` without pairs of both kinds.
    pub fn auc(&self) -> Option<f64> {
        let mut impostor = self.impostor.clone();
        impostor.sort_by(f32::total_cmp);
        let above: f64 = self
            .genuine
            .iter()
            .map(|score| {
                let below = impostor.partition_point(|other| other < score);
                let up_to = impostor.partition_point(|other| other <= score);
                (below + up_to) as f64 / 2.0
            })
            .sum();
        let pairs = self.genuine.len() as f64 * impostor.len() as f64;
        (pairs > 0.0).then(|| above / pairs)
    }

    /// The share of genuine pairs accepted at the threshold that accepts a share `far` of impostor
    /// pairs. `None` without genuine pairs or with fewer than 1/`far` impostor pairs.
    pub fn tar_at(&self, far: f64) -> Option<f64> {
        let accepted = (far * self.impostor.len() as f64).floor() as usize;
        if accepted == 0 || self.genuine.is_empty() {
            return None;
        }
        let mut impostor = self.impostor.clone();
        impostor.sort_by(|a, b| b.total_cmp(a));
        let threshold = impostor.get(accepted).copied().unwrap_or(f32::NEG_INFINITY);
        let right = self.genuine.iter().filter(|score| **score > threshold).count();
        Some(right as f64 / self.genuine.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Trials;

    #[test]
    fn auc_counts_ordered_pairs_and_halves_ties() {
        let trials = Trials { genuine: vec![0.9, 0.5, 0.2], impostor: vec![0.5, 0.1] };
        // 0.9: 2, 0.5: 1.5, 0.2: 1, of 6.
        assert_eq!(trials.auc(), Some(4.5 / 6.0));
        assert_eq!(Trials::default().auc(), None);
    }

    #[test]
    fn tar_is_taken_at_the_threshold_of_its_far() {
        let impostor = (0..1000u16).map(|at| f32::from(at) / 1000.0).collect();
        let trials = Trials { genuine: vec![0.9995, 0.9905, 0.95, 0.5], impostor };
        assert_eq!(trials.tar_at(0.01), Some(0.5));
        assert_eq!(trials.tar_at(0.001), Some(0.25));
        assert_eq!(trials.tar_at(0.0001), None);
    }
}
