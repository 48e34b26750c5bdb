//! The spec of looking at a clip with networks.

use serde::{Deserialize, Serialize};

use crate::metrics::video::Rules;

/// How a clip is looked at. What is measured from what was seen is no part of it: metrics are
/// computed anew from the store, so a changed rule or metric needs no network to run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenSpec {
    /// Whose rules say which frames are sampled.
    pub rules: Rules,
    /// How many.
    pub sampled: usize,
    /// The text that frames are compared with, where a network reads text.
    pub prompt: Option<String>,
    /// How faces are looked for.
    pub options: serde_json::Value,
}

impl SeenSpec {
    /// Places of the frames that are looked at in a clip of `frames`, ascending, each once: those of
    /// the faces and, with a prompt, those that are compared with it.
    pub fn places(&self, frames: usize) -> Vec<usize> {
        let mut places = self.rules.face_frames(frames, self.sampled);
        if self.prompt.is_some() {
            places.extend(self.rules.text_frames(frames, self.sampled));
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::SeenSpec;
    use crate::metrics::video::Rules;

    #[test]
    fn frames_of_both_kinds_are_looked_at_once() {
        let prompt = Some("a man".to_owned());
        let mut spec =
            SeenSpec { rules: Rules::ConsisId, sampled: 3, prompt, options: Value::Null };
        // Faces 0, 4, 9; text 0, 3, 6.
        assert_eq!(spec.places(10), [0, 3, 4, 6, 9]);
        spec.prompt = None;
        assert_eq!(spec.places(10), [0, 4, 9]);
        assert_eq!(spec.places(2), [0, 1]);
    }
}
