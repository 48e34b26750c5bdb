//! Numbers of one metric by seed and person, and how two such sets pair up.

use std::collections::{BTreeMap, BTreeSet};

/// Seed → identity → mean.
pub(super) type Means<'a> = BTreeMap<u64, BTreeMap<Option<&'a str>, f64>>;

/// Mean of (sum, count).
pub(super) fn mean_of((sum, count): (f64, u32)) -> f64 {
    sum / f64::from(count)
}

/// Whether the numbers belong to people, not to a whole model.
pub(super) fn about_people(means: &Means) -> bool {
    means.values().any(|people| people.keys().any(Option::is_some))
}

/// Rows by seed over the people that every seed has. Where no person is in all of them, people
/// are averaged over the seeds that have them, which leaves one row.
pub(super) fn complete(means: &Means) -> Vec<Vec<f64>> {
    let mut common: BTreeSet<Option<&str>> =
        means.values().next().map(|people| people.keys().copied().collect()).unwrap_or_default();
    for people in means.values() {
        common.retain(|identity| people.contains_key(identity));
    }
    if !common.is_empty() {
        let row = |people: &BTreeMap<Option<&str>, f64>| {
            common.iter().map(|identity| people[identity]).collect()
        };
        return means.values().map(row).collect();
    }
    vec![seed_average(means).into_values().collect()]
}

/// First minus second for the same seed and person; over seed averages where no seed is shared.
pub(super) fn paired<'a>(a: &Means<'a>, b: &Means<'a>) -> Means<'a> {
    let mut differences = Means::new();
    for (seed, people) in a {
        let Some(others) = b.get(seed) else { continue };
        for (identity, value) in people {
            if let Some(other) = others.get(identity) {
                differences.entry(*seed).or_default().insert(*identity, value - other);
            }
        }
    }
    if differences.is_empty() && !a.keys().any(|seed| b.contains_key(seed)) {
        let (a, b) = (seed_average(a), seed_average(b));
        if !a.is_empty() && !b.is_empty() {
            return paired(&BTreeMap::from([(0, a)]), &BTreeMap::from([(0, b)]));
        }
    }
    differences
}

fn seed_average<'a>(means: &Means<'a>) -> BTreeMap<Option<&'a str>, f64> {
    let mut pooled: BTreeMap<Option<&'a str>, (f64, u32)> = BTreeMap::new();
    for (identity, value) in means.values().flatten() {
        let entry = pooled.entry(*identity).or_insert((0.0, 0));
        *entry = (entry.0 + value, entry.1 + 1);
    }
    pooled.into_iter().map(|(identity, number)| (identity, mean_of(number))).collect()
}
