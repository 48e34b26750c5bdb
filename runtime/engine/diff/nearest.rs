//! The finished stage that is nearest to a given one: the one with the fewest other fields,
//! its own and those of its inputs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use serde_json::Value;

use super::{archive::Archive, fields::Lookup};
use crate::engine::{key::Key, record::ResultRecord, stage::Stage};

/// The finished stages of one kind, ready to be searched.
pub(super) struct Shelf<'a> {
    /// Those that finished last come first, so that they win a tie.
    keys: Vec<&'a Key>,
    features: Vec<Vec<u64>>,
    /// Features without any one of them → who has them.
    one_off: HashMap<u64, usize>,
    budget: usize,
    /// Seconds of the newest that ran in one go.
    whole_seconds: Option<f64>,
}

impl<'a> Shelf<'a> {
    /// The stages of `kind` in the archive except one. `queries` is how many searches are to
    /// come: if comparing each with all is too much, the shelf finds exactly those that differ
    /// in one field, and otherwise the nearest among the newest.
    pub(super) fn new(
        archive: &'a Archive,
        kind: &str,
        except: Option<&Key>,
        queries: usize,
    ) -> Self {
        let keys = archive.newest(kind, except);
        let budget = (COMPARISONS / queries.max(1)).max(MIN_COMPARISONS);
        let lookup = |key: &Key| archive.stage(key);
        let mut own = OwnFeatures::default();
        let features = keys.iter().filter_map(|key| Some(own.expand(lookup(key)?, &lookup)));
        let features: Vec<_> = features.collect();
        let mut one_off = HashMap::new();
        if keys.len() > budget {
            for (index, features) in features.iter().enumerate() {
                for hash in without_one(features) {
                    one_off.entry(hash).or_insert(index);
                }
            }
        }
        let records = keys.iter().filter_map(|key| archive.get(key)).map(|stored| &stored.record);
        let whole_seconds = records.filter(|r| !r.resumed).map(|r| r.seconds).next();
        Self { keys, features, one_off, budget, whole_seconds }
    }

    /// Seconds that a stage like this one takes: its own, unless it was interrupted, so that its
    /// record holds only the last part.
    pub(super) fn seconds(&self, like: &ResultRecord) -> f64 {
        if like.resumed { self.whole_seconds.unwrap_or(like.seconds) } else { like.seconds }
    }

    /// The key of the stage nearest to one with these features, `None` on an empty shelf.
    pub(super) fn nearest(&self, wanted: &[u64]) -> Option<&'a Key> {
        if let Some(index) = without_one(wanted).find_map(|hash| self.one_off.get(&hash)) {
            return self.keys.get(*index).copied();
        }
        let compared = self.features.iter().take(self.budget).enumerate();
        let nearest = compared.min_by_key(|(_, features)| distance(wanted, features));
        nearest.and_then(|(index, _)| self.keys.get(index).copied())
    }
}

/// Comparisons of one plan in all, about a tenth of a second.
const COMPARISONS: usize = 1_000_000;
/// Comparisons of one search at least.
const MIN_COMPARISONS: usize = 50;
/// Inputs of inputs … that count. Deeper ones would make a long chain of stages quadratic.
const DEPTH: usize = 5;

/// Hashes of the fields of stages, each stage read once.
#[derive(Default)]
pub(super) struct OwnFeatures {
    by_stage: BTreeMap<Key, Vec<u64>>,
}

impl OwnFeatures {
    /// Sorted hashes of every field of the stage and of what it reads.
    pub(super) fn expand<'a>(
        &mut self,
        stage: &'a Stage,
        lookup: &dyn Fn(&Key) -> Option<&'a Stage>,
    ) -> Vec<u64> {
        let mut features = own_features(stage);
        let mut seen = BTreeSet::new();
        let mut level: Vec<&Stage> = vec![stage];
        for _ in 0..DEPTH {
            let mut next = Vec::new();
            for key in level.iter().flat_map(|stage| stage.inputs.values()) {
                if let Some(input) = lookup(key)
                    && seen.insert(*key)
                {
                    let own = self.by_stage.entry(*key).or_insert_with(|| own_features(input));
                    features.extend_from_slice(own);
                    next.push(input);
                }
            }
            level = next;
        }
        features.sort_unstable();
        features.dedup();
        features
    }
}

/// One hash per field: kind, path and value. Only compared within this process.
fn own_features(stage: &Stage) -> Vec<u64> {
    let mut root = DefaultHasher::new();
    stage.kind.hash(&mut root);
    let mut features = Vec::new();
    let mut field = |name: &str, value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = root.clone();
        name.hash(&mut hasher);
        value(&mut hasher);
        features.push(hasher.finish());
    };
    field("version", &|hasher| stage.version.hash(hasher));
    field("device", &|hasher| stage.class.device.hash(hasher));
    field("dtype", &|hasher| stage.class.dtype.hash(hasher));
    for pair in &stage.digests {
        field("digests", &|hasher| pair.hash(hasher));
    }
    for pair in &stage.code {
        field("code", &|hasher| pair.hash(hasher));
    }
    leaves(&stage.spec, &root, &mut features);
    features
}

fn leaves(value: &Value, path: &DefaultHasher, features: &mut Vec<u64>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let mut path = path.clone();
                name.hash(&mut path);
                leaves(value, &path, features);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let mut path = path.clone();
                index.hash(&mut path);
                leaves(value, &path, features);
            }
        }
        leaf => {
            let mut path = path.clone();
            leaf.hash(&mut path);
            features.push(path.finish());
        }
    }
}

/// Fields that only one of the two has.
fn distance(a: &[u64], b: &[u64]) -> usize {
    let (mut left, mut right, mut common) = (0, 0, 0);
    while left < a.len() && right < b.len() {
        let (x, y) = (a[left], b[right]);
        common += usize::from(x == y);
        left += usize::from(x <= y);
        right += usize::from(y <= x);
    }
    a.len() + b.len() - 2 * common
}

/// The hash of all features but one, for each of them. A sum, so that each costs one step.
fn without_one(features: &[u64]) -> impl Iterator<Item = u64> {
    let sum = features.iter().fold(0_u64, |sum, feature| sum.wrapping_add(*feature));
    features.iter().map(move |feature| sum.wrapping_sub(*feature))
}

/// The lookup of a graph or an archive, for [`OwnFeatures::expand`] and [`super::between`].
pub(super) fn expand_one<'a>(stage: &'a Stage, lookup: Lookup<'a>) -> Vec<u64> {
    OwnFeatures::default().expand(stage, lookup)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::archive::Stored, *};
    use crate::engine::record::FORMAT;

    fn train(elements: u64, seed: u64) -> Stage {
        Stage::new("train", 1, json!({ "elements": elements, "seed": seed }))
    }

    fn finished(stage: Stage, finished_unix: u64, resumed: bool) -> (Key, Stored) {
        let record = ResultRecord {
            format: FORMAT,
            key: stage.key(),
            kind: stage.kind.clone(),
            version: stage.version,
            files: BTreeMap::new(),
            seconds: finished_unix as f64,
            resumed,
            peak_mib: 0.0,
            host_digest: String::new(),
            finished_unix,
        };
        (stage.key(), Stored { stage, record })
    }

    fn nearest(archive: &Archive, stage: &Stage, queries: usize) -> Option<Key> {
        let wanted = expand_one(stage, &|_| None);
        Shelf::new(archive, "train", None, queries).nearest(&wanted).copied()
    }

    #[test]
    fn one_other_field_is_found_among_any_number() {
        let stored = (0..200).map(|seed| finished(train(1024, seed), seed, false)).collect();
        let archive = Archive { stored };
        // With a million searches to come each may compare with the 50 newest only.
        for queries in [1, 1_000_000] {
            for seed in 0..200 {
                let found = nearest(&archive, &train(2048, seed), queries);
                assert_eq!(found, Some(train(1024, seed).key()));
            }
        }
        // Two other fields: the newest wins a tie.
        assert_eq!(nearest(&archive, &train(2048, 999), 1), Some(train(1024, 199).key()));
        assert_eq!(nearest(&archive, &train(2048, 999), 1_000_000), Some(train(1024, 199).key()));
        assert_eq!(nearest(&Archive::default(), &train(1, 1), 1), None);
    }

    #[test]
    fn an_interrupted_run_does_not_set_the_estimate() {
        let stored = [finished(train(1, 1), 40, false), finished(train(1, 2), 2, true)];
        let archive = Archive { stored: BTreeMap::from(stored) };
        let shelf = Shelf::new(&archive, "train", None, 1);
        let seconds = |seed| shelf.seconds(&archive.get(&train(1, seed).key()).unwrap().record);
        assert_eq!([seconds(1), seconds(2)].map(|seconds| seconds as u64), [40, 40]);
    }
}
