//! The curves of every trial, in a folder of its own, as far as they are known.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    event::{Event, Summary, Value, What},
    event_file::{self, EventFile},
};
use crate::{
    cli::{
        exit::Exit,
        laboratory::Laboratory,
        opened::Opened,
        results::{Points, training_curves},
    },
    engine::Trial,
};

/// The event files of a run.
pub(in crate::cli) struct Trials {
    folder: PathBuf,
    /// By folder of a trial.
    open: BTreeMap<PathBuf, Curves>,
}

/// The event file of a trial and how many points of each curve it holds.
struct Curves {
    file: EventFile,
    held: BTreeMap<String, usize>,
}

impl Trials {
    /// Event files under this folder, one folder of TensorBoard's for each trial. Nothing is written
    /// before there is a point.
    pub(in crate::cli) fn under(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: BTreeMap::new() }
    }

    /// Adds what the trainings of these experiments have logged since the last time. A training that
    /// runs is followed from checkpoint to checkpoint.
    pub(in crate::cli) fn follow(&mut self, opened: &[Opened]) -> Result<(), Exit> {
        for Opened { lab, experiment } in opened {
            let of_experiment = self.folder.join(Laboratory::folder_name(experiment));
            for trial in experiment.graph.trials() {
                let points = training_curves(&experiment.graph, &lab.store, trial)?;
                if !points.is_empty() {
                    self.add(&of_experiment.join(name(trial)), points)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, points: Points) -> Result<(), Exit> {
        if !self.open.contains_key(folder) {
            self.open.insert(folder.to_owned(), Curves::open(folder)?);
        }
        match self.open.get_mut(folder) {
            Some(curves) => curves.add(points),
            None => Ok(()),
        }
    }
}

impl Curves {
    fn open(folder: &Path) -> Result<Self, Exit> {
        let (file, events) = EventFile::open(folder)?;
        let mut held = BTreeMap::new();
        for event in events {
            if let Some(What::Summary(summary)) = event.what {
                for value in summary.value {
                    *held.entry(value.tag).or_default() += 1;
                }
            }
        }
        Ok(Self { file, held })
    }

    /// Adds the points beyond those that are held: curves only ever grow, and the same training has
    /// the same points however often it was killed.
    fn add(&mut self, points: Points) -> Result<(), Exit> {
        let mut seen = BTreeMap::<String, usize>::new();
        let mut events = Vec::new();
        for (step, tag, value) in points {
            let place = seen.entry(tag.clone()).or_default();
            *place += 1;
            let held = self.held.entry(tag.clone()).or_default();
            if *place > *held {
                *held = *place;
                let value = Value { tag, simple_value: Some(value as f32) };
                let what = Some(What::Summary(Summary { value: vec![value] }));
                let step = i64::try_from(step).unwrap_or(i64::MAX);
                events.push(Event { step, what, ..event_file::now() });
            }
        }
        if events.is_empty() { Ok(()) } else { Ok(self.file.add(&events)?) }
    }
}

/// `method=lora,seed=0`, in letters that every file system takes.
fn name(trial: &Trial) -> String {
    let value = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let settings = trial.settings.iter().map(|(name, set)| format!("{name}={},", value(set)));
    let whole: String = settings.chain([format!("seed={}", trial.seed)]).collect();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "=,.-_+".contains(letter);
    whole.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn point(step: u64, tag: &str) -> (u64, String, f64) {
        (step, tag.to_owned(), step as f64)
    }

    #[test]
    fn growing_curves_are_written_once_also_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("trial");
        let mut trials = Trials::under(folder.path());
        trials.add(&place, vec![point(1, "flow"), point(1, "pia")]).unwrap();
        trials.add(&place, vec![point(1, "flow"), point(2, "flow"), point(1, "pia")]).unwrap();
        let mut next = Trials::under(folder.path());
        let all = vec![point(1, "flow"), point(2, "flow"), point(1, "pia"), point(2, "pia")];
        next.add(&place, all.clone()).unwrap();
        next.add(&place, all).unwrap();
        let (_, events) = EventFile::open(&place).unwrap();
        let told: Vec<(i64, String)> = events
            .into_iter()
            .filter_map(|event| match event.what {
                Some(What::Summary(summary)) => Some((event.step, summary.value[0].tag.clone())),
                _ => None,
            })
            .collect();
        let expected = [(1, "flow"), (1, "pia"), (2, "flow"), (2, "pia")];
        assert_eq!(told, expected.map(|(step, tag)| (step, tag.to_owned())));
    }

    #[test]
    fn trials_have_names_that_are_files() {
        let settings = [("method".to_owned(), json!("a/b c")), ("n".to_owned(), json!(0.5))].into();
        let trial = Trial { settings, seed: 3, output: crate::engine::Key::of(b"x") };
        assert_eq!(name(&trial), "method=a_b_c,n=0.5,seed=3");
    }
}
