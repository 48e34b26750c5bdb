//! What an evaluator is trained on: clips and references, sorted by person.

use crate::stages::clipset::{ClipLabel, Clips};

/// One picture of a person: a frame of a clip, or the clip's reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Picture {
    /// Which clip of the set.
    pub(super) clip: usize,
    /// Which frame of it; `None` is its reference.
    pub(super) frame: Option<usize>,
    /// Pitch, yaw, roll in degrees.
    pub(super) pose_deg: [f32; 3],
    /// Whether enough of the face is seen.
    pub(super) present: bool,
}

/// Clips in memory and what to draw from them.
#[derive(Clone, Debug)]
pub(super) struct Material {
    /// The pixels and labels.
    pub(super) clips: Clips,
    /// The pictures of each person; people without any are left out.
    pub(super) people: Vec<Vec<Picture>>,
}

impl Material {
    /// All pictures that `wanted` takes. A face counts as present from `least_visible` on;
    /// references always show one.
    pub(super) fn new(clips: Clips, least_visible: f64, wanted: impl Fn(&Picture) -> bool) -> Self {
        let mut people: Vec<Vec<Picture>> = Vec::new();
        let mut last: Option<&str> = None;
        for (clip, label) in clips.labels.iter().enumerate() {
            if last != Some(label.identity.as_str()) {
                people.push(Vec::new());
                last = Some(&label.identity);
            }
            let found = pictures(clip, label, (!clips.references.is_empty(), least_visible));
            if let Some(person) = people.last_mut() {
                person.extend(found.filter(|picture| wanted(picture)));
            }
        }
        people.retain(|pictures| !pictures.is_empty());
        Self { clips, people }
    }

    /// The RGB bytes of a picture.
    pub(super) fn pixels(&self, picture: &Picture) -> &[u8] {
        match picture.frame {
            Some(frame) => self.clips.frame(picture.clip, frame),
            None => self.clips.reference(picture.clip),
        }
    }

    /// The caption of the clip that a picture belongs to.
    pub(super) fn caption(&self, picture: &Picture) -> &str {
        &self.clips.labels[picture.clip].caption
    }
}

fn pictures(
    clip: usize,
    label: &ClipLabel,
    (has_reference, least_visible): (bool, f64),
) -> impl Iterator<Item = Picture> {
    let frames = label.pose_deg.iter().zip(&label.visible).enumerate();
    let frames = frames.map(move |(frame, (&pose_deg, &visible))| Picture {
        clip,
        frame: Some(frame),
        pose_deg,
        present: f64::from(visible) >= least_visible,
    });
    let reference =
        Picture { clip, frame: None, pose_deg: label.reference_pose_deg, present: true };
    frames.chain(has_reference.then_some(reference))
}
