//! Cross-pose retrieval: does a turned face find its owner among frontal ones?

use rayon::prelude::*;

use super::FaceSet;

/// What one probe found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// 1 if the nearest gallery face is of the same person, else 0.
    pub top1: f64,
    /// Average precision over the gallery faces of the same person.
    pub average_precision: f64,
}

/// Ranks the gallery (faces with all angles within `gallery_deg`) for every other face.
/// Entry i is `None` for gallery faces and for people without a gallery face. Equal cosines rank
/// in favour of other people, so that a constant S scores chance and not 1.
pub fn retrieve(faces: &FaceSet, gallery_deg: f64) -> Vec<Option<Found>> {
    let gallery: Vec<usize> =
        (0..faces.len()).filter(|&i| faces.near_frontal(i, gallery_deg)).collect();
    let in_gallery: Vec<bool> =
        (0..faces.len()).map(|i| faces.near_frontal(i, gallery_deg)).collect();
    (0..faces.len())
        .into_par_iter()
        .map(|probe| if in_gallery[probe] { None } else { rank(faces, &gallery, probe) })
        .collect()
}

fn rank(faces: &FaceSet, gallery: &[usize], probe: usize) -> Option<Found> {
    let mut ranked: Vec<(f32, bool)> = gallery
        .iter()
        .map(|&i| (faces.cosine(probe, i), faces.person[i] == faces.person[probe]))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut hits = 0.0;
    let mut precision = 0.0;
    for (place, (_, same)) in ranked.iter().enumerate() {
        if *same {
            hits += 1.0;
            precision += hits / (place as f64 + 1.0);
        }
    }
    let top1 = f64::from(u8::from(ranked.first()?.1));
    (hits > 0.0).then(|| Found { top1, average_precision: precision / hits })
}

/// Expected top-1 of a ranking that knows nothing: the mean share of a probe's own person in the
/// gallery.
pub fn chance_top1(faces: &FaceSet, gallery_deg: f64) -> f64 {
    let in_gallery = |i: usize| faces.near_frontal(i, gallery_deg);
    let mut own = vec![0.0; faces.names.len()];
    let mut gallery = 0.0;
    for i in (0..faces.len()).filter(|&i| in_gallery(i)) {
        own[faces.person[i]] += 1.0;
        gallery += 1.0;
    }
    let probes: Vec<f64> = (0..faces.len())
        .filter(|&i| !in_gallery(i) && own[faces.person[i]] > 0.0)
        .map(|i| own[faces.person[i]] / gallery)
        .collect();
    probes.iter().sum::<f64>() / (probes.len() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::{chance_top1, retrieve};
    use crate::metrics::FaceSet;

    fn set(vectors: &[[f32; 2]], people: &[&str], yaw: &[f32]) -> FaceSet {
        let people: Vec<String> = people.iter().map(|name| (*name).to_owned()).collect();
        let pose = yaw.iter().map(|&yaw| [0.0, yaw, 0.0]).collect();
        FaceSet::new(vectors.concat(), 2, &people, pose)
    }

    #[test]
    fn a_probe_near_its_owner_scores_one_and_far_from_it_by_rank() {
        let faces = set(
            &[[1.0, 0.0], [0.0, 1.0], [0.9, 0.1], [0.9, 0.2]],
            &["a", "b", "a", "b"],
            &[0.0, 0.0, 60.0, 60.0],
        );
        let found = retrieve(&faces, 20.0);
        assert_eq!(found[0], None);
        let near = found[2].expect("a probe");
        assert!((near.top1 - 1.0).abs() < 1e-12 && (near.average_precision - 1.0).abs() < 1e-12);
        let far = found[3].expect("a probe");
        assert!(far.top1.abs() < 1e-12 && (far.average_precision - 0.5).abs() < 1e-12);
        assert!((chance_top1(&faces, 20.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_collapsed_representation_is_not_rewarded() {
        let faces = set(&[[1.0, 0.0]; 4], &["a", "b", "a", "b"], &[0.0, 0.0, 60.0, 60.0]);
        assert!(retrieve(&faces, 20.0).into_iter().flatten().all(|found| found.top1 < 0.5));
    }
}
