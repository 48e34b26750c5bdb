//! Silhouette: are the faces of one person closer to each other than to anybody else's?

use rayon::prelude::*;

use super::FaceSet;

/// Silhouette coefficient (b − a)/max(a, b) of each face in cosine distance, where a is the mean
/// distance to the same person's other faces and b the smallest mean distance to another person.
/// `None` for a person with one face or without others.
pub fn silhouette(faces: &FaceSet) -> Vec<Option<f64>> {
    (0..faces.len()).into_par_iter().map(|i| of_face(faces, i)).collect()
}

fn of_face(faces: &FaceSet, i: usize) -> Option<f64> {
    let mut sums = vec![(0.0, 0u32); faces.names.len()];
    for j in (0..faces.len()).filter(|&j| j != i) {
        sums[faces.person[j]].0 += 1.0 - f64::from(faces.cosine(i, j));
        sums[faces.person[j]].1 += 1;
    }
    let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
    let own = mean(sums[faces.person[i]])?;
    let other = sums
        .iter()
        .enumerate()
        .filter(|(person, _)| *person != faces.person[i])
        .filter_map(|(_, &sum)| mean(sum))
        .min_by(f64::total_cmp)?;
    let scale = own.max(other);
    Some(if scale > 0.0 { (other - own) / scale } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::silhouette;
    use crate::metrics::FaceSet;

    #[test]
    fn tight_clusters_score_near_one_and_mixed_ones_below_zero() {
        let people: Vec<String> = ["a", "a", "b", "b"].map(str::to_owned).to_vec();
        let pose = vec![[0.0; 3]; 4];
        let apart =
            FaceSet::new(vec![1.0, 0.0, 1.0, 0.01, 0.0, 1.0, 0.01, 1.0], 2, &people, pose.clone());
        assert!(silhouette(&apart).into_iter().flatten().all(|score| score > 0.99));
        let mixed = FaceSet::new(vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.01, 0.01, 1.0], 2, &people, pose);
        assert!(silhouette(&mixed).into_iter().flatten().all(|score| score < 0.0));
    }
}
