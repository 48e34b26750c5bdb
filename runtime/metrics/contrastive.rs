//! L_PIA (paper Eq. 5) on unseen people, term by term, so that people carry intervals.

use ffrun_models::stream::Stream;

use super::FaceSet;

/// How the loss is drawn on unseen people.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    /// Matched pairs n per draw; people are drawn without repetition.
    pub pairs: usize,
    /// Independent draws averaged.
    pub draws: u64,
    /// ln(1/τ) that was learnt.
    pub logit_scale: f64,
}

/// Each person's mean term of Eq. 5: −ln p(match) in both directions, over `draws` draws of one
/// pair of faces for each of n people. The draws are the same for every model.
pub fn pia_terms(faces: &FaceSet, draws: &Draws) -> Vec<(String, f64)> {
    let mut sums = vec![(0.0, 0u32); faces.names.len()];
    for draw in 0..draws.draws {
        for (person, term) in one_draw(faces, draws, draw) {
            sums[person].0 += term;
            sums[person].1 += 1;
        }
    }
    faces
        .names
        .iter()
        .zip(sums)
        .filter(|(_, (_, count))| *count > 0)
        .map(|(name, (sum, count))| (name.clone(), sum / f64::from(count)))
        .collect()
}

/// People drawn together in one evaluation, at most `pairs`.
pub fn people_per_draw(faces: &FaceSet, pairs: usize) -> usize {
    pairs.min(faces.names.len())
}

fn one_draw(faces: &FaceSet, draws: &Draws, draw: u64) -> Vec<(usize, f64)> {
    let mut stream = Stream::new(0, "measure/pia pairs", draw);
    let mut people: Vec<usize> = (0..faces.names.len()).collect();
    stream.shuffle(&mut people);
    people.truncate(draws.pairs);
    let pairs: Vec<(usize, usize, usize)> = people
        .into_iter()
        .filter_map(|person| {
            let own: Vec<usize> = (0..faces.len()).filter(|&i| faces.person[i] == person).collect();
            let first = stream.below(own.len());
            let second = (first + 1 + stream.below(own.len().saturating_sub(1))) % own.len();
            (own.len() > 1).then(|| (person, own[first], own[second]))
        })
        .collect();
    let scale = draws.logit_scale.exp();
    pairs
        .iter()
        .map(|&(person, first, second)| {
            let forward = nll(
                pairs.iter().map(|p| faces.cosine(first, p.2)),
                faces.cosine(first, second),
                scale,
            );
            let backward = nll(
                pairs.iter().map(|p| faces.cosine(second, p.1)),
                faces.cosine(second, first),
                scale,
            );
            (person, forward + backward)
        })
        .collect()
}

/// −ln softmax of the match among all candidates.
fn nll(cosines: impl Iterator<Item = f32>, matched: f32, scale: f64) -> f64 {
    let logits: Vec<f64> = cosines.map(|cosine| scale * f64::from(cosine)).collect();
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - top).exp()).sum();
    top + sum.ln() - scale * f64::from(matched)
}

#[cfg(test)]
mod tests {
    use super::{Draws, pia_terms};
    use crate::metrics::FaceSet;

    #[test]
    fn a_collapsed_representation_costs_twice_ln_n() {
        let people: Vec<String> = (0..8).map(|i| format!("p{}", i / 2)).collect();
        let faces = FaceSet::new([1.0, 0.0].repeat(8), 2, &people, vec![[0.0; 3]; 8]);
        let terms = pia_terms(&faces, &Draws { pairs: 4, draws: 3, logit_scale: 2.0 });
        assert_eq!(terms.len(), 4);
        assert!(terms.iter().all(|(_, term)| (term - 2.0 * 4f64.ln()).abs() < 1e-9));
    }
}
