//! The `clips` stage: short videos of people from the embedded heads, with references.

use rayon::prelude::*;

use super::{
    clipset::{self, ClipLabel, Clips},
    picture, spec_of,
};
use crate::{
    data::heads::{self, HeadsError, Still},
    engine::{
        files,
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    spec::{ClipSpec, ClipsetSpec, FacesSpec},
};

/// Clips on the contact sheet of a result.
const SHEET: usize = 12;

/// People rendered between two words of progress.
const ROUND: usize = 32;

/// Renders and writes the clips and a contact sheet.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: ClipsetSpec = spec_of(stage)?;
    let mut clips = empty(&spec);
    in_rounds(&spec, work, |rendered| {
        clips.pixels.extend(rendered.pixels);
        clips.references.extend(rendered.references);
        clips.labels.extend(rendered.labels);
        Ok(())
    })?;
    clips.write(&work.out.join(clipset::FILE))?;
    let rows: Vec<usize> = (0..clips.len().min(SHEET)).collect();
    let tiles = |clip: &usize| {
        let frames = (0..clips.frames).map(|frame| clips.frame(*clip, frame));
        std::iter::once(clips.reference(*clip)).chain(frames).collect()
    };
    let rows: Vec<Vec<&[u8]>> = rows.iter().map(tiles).collect();
    files::write_atomic(&work.out.join("sheet.png"), &picture::grid(&rows, clips.size_px)?)?;
    Ok(())
}

/// Renders all clips in their order, some people at a time, so that memory does not grow with
/// their number.
pub(super) fn in_rounds(
    spec: &ClipsetSpec,
    work: &Work<'_>,
    mut take: impl FnMut(Clips) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let references = References::new(spec);
    for first in (0..spec.identities).step_by(ROUND) {
        let people: Vec<usize> = (first..spec.identities.min(first + ROUND)).collect();
        let rendered: Result<Vec<Vec<Rendered>>, HeadsError> =
            people.par_iter().map(|person| references.person(*person)).collect();
        let rendered = rendered.map_err(|error| StageError::Failed(error.to_string()))?;
        take(collect(spec, rendered.into_iter().flatten()))?;
        let done = ((first + people.len()) * spec.clips_each) as u64;
        let total = spec.clips() as u64;
        (work.progress)(Progress { done, total, note: "clips rendered".to_owned() });
        if work.stop.load(std::sync::atomic::Ordering::SeqCst) && done < total {
            return Err(StageError::Interrupted);
        }
    }
    Ok(())
}

/// A clip and the reference of its person.
struct Rendered {
    clip: heads::Clip,
    take: u64,
    reference: Still,
}

/// Renders people one after the other.
struct References<'a> {
    spec: &'a ClipsetSpec,
    stills: FacesSpec,
}

impl<'a> References<'a> {
    fn new(spec: &'a ClipsetSpec) -> Self {
        let stills = FacesSpec {
            split: spec.split.clone(),
            identities: spec.identities,
            views: spec.clips_each,
            size_px: spec.size_px,
            world: spec.world,
            yaw_deg: spec.reference_yaw_deg,
            yaw_least_deg: spec.reference_yaw_least_deg,
            pitch_deg: spec.reference_pitch_deg,
            roll_deg: spec.reference_roll_deg,
            expression: spec.reference_expression,
            occlusion: 0.0,
            surroundings: "per_view".to_owned(),
            pose_grid: false,
        };
        Self { spec, stills }
    }

    /// All clips of one person, each with a reference of its own.
    fn person(&self, person: usize) -> Result<Vec<Rendered>, HeadsError> {
        let spec = self.spec;
        let references = heads::stills_of(&self.stills, person)?;
        let mut rendered = Vec::with_capacity(references.len());
        for (j, reference) in references.into_iter().enumerate() {
            let (count, take) =
                (spec.families.len().max(1), (j / spec.families.len().max(1)) as u64);
            let family = spec.families.get((person + j) % count).cloned().unwrap_or_default();
            let clip = heads::clip(&ClipSpec {
                split: spec.split.clone(),
                person,
                family,
                frames: spec.frames,
                fps: spec.fps,
                size_px: spec.size_px,
                world: spec.world,
                take,
            })?;
            rendered.push(Rendered { clip, take, reference });
        }
        Ok(rendered)
    }
}

fn empty(spec: &ClipsetSpec) -> Clips {
    Clips {
        size_px: spec.size_px,
        frames: spec.frames,
        pixels: Vec::new(),
        references: Vec::new(),
        labels: Vec::new(),
    }
}

fn collect(spec: &ClipsetSpec, rendered: impl Iterator<Item = Rendered>) -> Clips {
    let mut clips = empty(spec);
    for Rendered { clip, take, reference } in rendered {
        clips.labels.push(ClipLabel {
            identity: clip.identity,
            family: clip.family.name().to_owned(),
            take,
            caption: clip.caption,
            reference_pose_deg: pose(&reference),
            reference_landmarks: reference.label.landmarks,
            pose_deg: clip.frames.iter().map(pose).collect(),
            landmarks: clip.frames.iter().map(|frame| frame.label.landmarks).collect(),
            visible: clip.frames.iter().map(|frame| frame.label.visible).collect(),
        });
        clips.references.extend_from_slice(&reference.pixels);
        clip.frames.iter().for_each(|frame| clips.pixels.extend_from_slice(&frame.pixels));
    }
    clips
}

fn pose(still: &Still) -> [f32; 3] {
    [still.label.pitch_deg, still.label.yaw_deg, still.label.roll_deg]
}
