//! From what was seen to numbers: a line of the list each, and every method as a whole.

use std::collections::BTreeMap;

use super::{
    list::Row,
    observed::Observed,
    plan::{Pair, Plan, Planned, Sampling},
};
use crate::{
    engine::{Key, Store},
    metrics::{
        movement::Movement,
        observation::{ClipSeen, FrameSeen},
        video::{Networks, Value, of_clip},
    },
};

/// All that was measured of a list.
#[derive(Clone, Debug)]
pub struct Measured {
    /// One for each line of the list, in its order.
    pub clips: Vec<Clip>,
    /// The networks that saw them.
    pub networks: Networks,
    /// How they were sampled.
    pub sampling: Sampling,
}

/// A line of the list and what came of it.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The line.
    pub row: Row,
    /// Its numbers, or why there are none.
    pub outcome: Outcome,
}

/// What came of a clip.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was measured.
    Measured(Box<Scored>),
    /// It was not and will not be: the reason.
    Failed(String),
    /// It was not yet: the run was stopped before.
    Waiting,
}

/// The numbers of a clip.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The stages.
    pub stages: Pair,
    /// Frames that the clip has.
    pub frames: usize,
    /// Tokens of the prompt that were left off.
    pub tokens_left_off: usize,
    /// What was seen.
    pub seen: ClipSeen,
    /// The numbers.
    pub values: Vec<Value>,
}

impl Measured {
    /// Measures what the store holds; `failed` are the stages that failed in this run, and why.
    pub fn new(
        plan: &Plan,
        store: &Store,
        failed: &BTreeMap<Key, String>,
        (networks, sampling): (&Networks, Sampling),
    ) -> Self {
        let clip = |planned: &Planned| {
            let outcome = match &planned.stages {
                Err(reason) => Outcome::Failed(reason.clone()),
                Ok(pair) => outcome(*pair, store, failed, (networks, sampling, &planned.row)),
            };
            Clip { row: planned.row.clone(), outcome }
        };
        let clips = plan.rows.iter().map(clip).collect();
        Self { clips, networks: networks.clone(), sampling }
    }

    /// Clips that were measured, of one method or of all.
    pub fn scored<'a>(
        &'a self,
        method: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Row, &'a Scored)> {
        self.clips.iter().filter_map(move |clip| match &clip.outcome {
            Outcome::Measured(scored) if method.is_none_or(|name| name == clip.row.method) => {
                Some((&clip.row, scored.as_ref()))
            }
            _ => None,
        })
    }

    /// Clips that failed and why.
    pub fn failures(&self) -> impl Iterator<Item = (&Row, &str)> {
        self.clips.iter().filter_map(|clip| match &clip.outcome {
            Outcome::Failed(reason) => Some((&clip.row, reason.as_str())),
            _ => None,
        })
    }
}

fn outcome(
    pair: Pair,
    store: &Store,
    failed: &BTreeMap<Key, String>,
    (networks, sampling, row): (&Networks, Sampling, &Row),
) -> Outcome {
    let read = |key: &Key| -> Result<Option<Observed>, String> {
        let entry = store.entry(key);
        match entry.result() {
            Ok(Some(_)) => Observed::read(&entry.out()).map(Some).map_err(|why| why.to_string()),
            Ok(None) => failed.get(key).map_or(Ok(None), |reason| Err(reason.clone())),
            Err(error) => Err(error.to_string()),
        }
    };
    let reference = read(&pair.reference).map_err(|why| format!("reference: {why}"));
    let (clip, reference) = match (read(&pair.clip), reference) {
        // Without its reference a clip may be blocked, which is no reason of its own.
        (_, Err(reason)) | (Err(reason), _) => return Outcome::Failed(reason),
        (Ok(Some(clip)), Ok(Some(reference))) => (clip, reference),
        _ => return Outcome::Waiting,
    };
    let seen = sampled(&clip, sampling, row.prompt.is_some() && networks.text.is_some());
    let places = seen.frames.iter().map(|frame| frame.frame);
    let asked_deg = row.movement.map(|movement| movement.poses_deg(places, clip.frames));
    let seen = ClipSeen {
        identity: row.identity.clone(),
        asked_deg: asked_deg.unwrap_or_default(),
        asked_side: row.movement.and_then(Movement::side),
        reference: reference.seen.into_iter().find_map(|frame| frame.face),
        ..seen
    };
    match of_clip(&seen, networks, sampling.rules) {
        Err(refusal) => Outcome::Failed(refusal.to_string()),
        Ok(values) => Outcome::Measured(Box::new(Scored {
            stages: pair,
            frames: clip.frames,
            tokens_left_off: clip.tokens_left_off,
            seen,
            values,
        })),
    }
}

/// The frames as the rules sample them: one that they take twice is there twice.
fn sampled(clip: &Observed, sampling: Sampling, with_text: bool) -> ClipSeen {
    let Sampling { rules, frames } = sampling;
    let of = |places: Vec<usize>| -> Vec<FrameSeen> {
        places.into_iter().filter_map(|place| clip.at(place).cloned()).collect()
    };
    let faces = rules.face_frames(clip.frames, frames);
    let text = rules.text_frames(clip.frames, frames);
    let text_frames = if with_text && text != faces { of(text) } else { Vec::new() };
    ClipSeen { frames: of(faces), text_frames, ..ClipSeen::default() }
}

#[cfg(test)]
mod tests {
    use super::{Sampling, sampled};
    use crate::{
        eval::observed::Observed,
        metrics::{observation::FrameSeen, video::Rules},
    };

    #[test]
    fn scripts_take_frames_of_short_clips_several_times() {
        let frame = |frame| FrameSeen { frame, ..FrameSeen::default() };
        let clip = Observed { frames: 2, seen: vec![frame(0), frame(1)], ..Observed::default() };
        let places = |rules| {
            let seen = sampled(&clip, Sampling { rules, frames: 4 }, true);
            let of = |frames: &[FrameSeen]| frames.iter().map(|f| f.frame).collect::<Vec<_>>();
            (of(&seen.frames), of(&seen.text_frames))
        };
        assert_eq!(places(Rules::Ffrun), (vec![0, 1], vec![]));
        assert_eq!(places(Rules::ConsisId), (vec![0, 0, 0, 1], vec![0, 0, 1, 1]));
    }
}
