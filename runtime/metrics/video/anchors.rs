//! What the numbers of a method should be read between: a floor, and a ceiling where there is one.

use ffrun_reports::rows::Anchor;

use super::facesim::{facesim_with, mean};
use super::fid_consisid::fid_consisid_with;
use super::networks::{Networks, of_network};
use super::rules::Rules;
use super::values::of_clip;
use crate::metrics::observation::{ClipSeen, FaceSeen};

/// What clips score against the reference of every other person: a method that ignored its
/// reference could have as much. Nothing with one person.
pub fn floors(clips: &[ClipSeen], networks: &Networks, rules: Rules) -> Vec<Anchor> {
    let references = references(clips);
    let swapped = || {
        clips.iter().flat_map(|clip| {
            let others = references.iter().filter(|(identity, _)| *identity != clip.identity);
            others.map(move |(_, reference)| (clip, *reference))
        })
    };
    let mut floors = Vec::new();
    let mut add = |metric: &str, network: &str, value: Option<f64>| {
        floors.extend(value.map(|value| Anchor {
            label: "another person's reference".to_owned(),
            metric: of_network(metric, network),
            value,
        }));
    };
    for (name, loss) in &networks.recognisers {
        let sims: Vec<_> = swapped()
            .filter_map(|(clip, other)| facesim_with(clip, other, (name, *loss), rules))
            .collect();
        let metric = loss.metric();
        add(metric, name, mean(sims.iter().map(|sim| sim.clamped)));
        let where_seen = mean(sims.iter().filter_map(|sim| sim.where_seen));
        add(&format!("{metric}_where_seen"), name, where_seen);
        add(&format!("{metric}_raw"), name, mean(sims.iter().filter_map(|sim| sim.raw)));
    }
    if let Some(name) = &networks.features {
        let distance = |(clip, other)| fid_consisid_with(clip, other, rules);
        add("fid_consisid", name, mean(swapped().filter_map(distance)));
    }
    floors
}

/// What real clips of the same people score: no method should be expected to do better. Clips that
/// cannot be measured do not count.
pub fn ceilings(filmed: &[ClipSeen], networks: &Networks, rules: Rules) -> Vec<Anchor> {
    let mut metrics: Vec<(String, Vec<f64>)> = Vec::new();
    for row in filmed.iter().filter_map(|clip| of_clip(clip, networks, rules).ok()).flatten() {
        match metrics.iter_mut().find(|(metric, _)| *metric == row.metric) {
            Some((_, values)) => values.push(row.value),
            None => metrics.push((row.metric, vec![row.value])),
        }
    }
    let anchor = |(metric, values): (String, Vec<f64>)| {
        let value = mean(values.into_iter())?;
        Some(Anchor { label: "ground truth".to_owned(), metric, value })
    };
    metrics.into_iter().filter_map(anchor).collect()
}

/// One reference of each person that has one.
fn references(clips: &[ClipSeen]) -> Vec<(&str, &FaceSeen)> {
    let mut references: Vec<(&str, &FaceSeen)> = Vec::new();
    for clip in clips {
        let known = references.iter().any(|(identity, _)| *identity == clip.identity);
        if let (false, Some(reference)) = (known, &clip.reference) {
            references.push((&clip.identity, reference));
        }
    }
    references
}

#[cfg(test)]
mod tests {
    use super::{ceilings, floors};
    use crate::metrics::video::made_up::{clip, face};
    use crate::metrics::video::{Loss, Networks, Rules};

    #[test]
    fn the_floor_is_the_similarity_to_others_and_the_ceiling_to_oneself() {
        let networks = Networks {
            detector: "d".to_owned(),
            recognisers: [("r".to_owned(), Loss::ArcFace)].into(),
            ..Networks::default()
        };
        let (ann, mut bob) = (clip("ann", &[Some(1.0)]), clip("bob", &[Some(0.0)]));
        bob.reference = Some(face(&[0.6, 0.8], None));
        let clips = [ann, bob];
        let floor = floors(&clips, &networks, Rules::Ffrun);
        assert_eq!(floor[0].metric, "facesim_arc@r");
        // Ann's (1, 0) with Bob's (.6, .8), and Bob's (0, 1) with Ann's (1, 0).
        assert!((floor[0].value - 0.3).abs() < 1e-6, "{floor:?}");
        let ceiling = ceilings(&clips, &networks, Rules::Ffrun);
        assert!((ceiling[0].value - 0.9).abs() < 1e-6, "{ceiling:?}");
        assert!(floors(&clips[..1], &networks, Rules::Ffrun).is_empty());
    }
}
