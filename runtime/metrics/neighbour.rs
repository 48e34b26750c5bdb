//! Is the nearest other face the same person's?

use rayon::prelude::*;

use super::FaceSet;

/// For each face 1 if its nearest other face by cosine is of the same person, else 0; `None` for a
/// person with one face. Equal cosines count for other people.
pub fn nearest_is_own(faces: &FaceSet) -> Vec<Option<f64>> {
    let of = |i: usize| {
        let best = |same: bool| {
            let others = (0..faces.len()).filter(|&j| j != i);
            others
                .filter(|&j| (faces.person[j] == faces.person[i]) == same)
                .map(|j| faces.cosine(i, j))
                .max_by(f32::total_cmp)
        };
        let own = best(true)?;
        Some(f64::from(u8::from(best(false).is_none_or(|other| own > other))))
    };
    (0..faces.len()).into_par_iter().map(of).collect()
}

/// The share that a random neighbour gets right.
pub fn chance(faces: &FaceSet) -> f64 {
    let mut count = vec![0u32; faces.names.len()];
    faces.person.iter().for_each(|&person| count[person] += 1);
    let own: f64 = count.iter().map(|&n| f64::from(n) * f64::from(n.saturating_sub(1))).sum();
    let all = faces.len() as f64;
    if all > 1.0 { own / (all * (all - 1.0)) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{chance, nearest_is_own};
    use crate::metrics::FaceSet;

    #[test]
    fn neighbours_are_counted_and_ties_go_to_strangers() {
        let people: Vec<String> = ["a", "a", "b", "b"].map(str::to_owned).to_vec();
        let vectors = vec![1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 1.0, 0.0];
        let faces = FaceSet::new(vectors, 2, &people, vec![[0.0; 3]; 4]);
        // The last face of b equals the first of a.
        assert_eq!(nearest_is_own(&faces), [Some(0.0), Some(0.0), Some(0.0), Some(0.0)]);
        let apart = FaceSet::new(
            vec![1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.1, 0.9],
            2,
            &people,
            vec![[0.0; 3]; 4],
        );
        assert_eq!(nearest_is_own(&apart), [Some(1.0); 4]);
        assert!((chance(&apart) - 1.0 / 3.0).abs() < 1e-12);
    }
}
