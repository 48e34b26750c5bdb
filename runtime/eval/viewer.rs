//! Computes a `seen` stage: one clip, looked at with one pair of eyes.

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use ffrun_models::eval::picture::Picture;

use super::{
    eyes::{Eyes, Sight},
    observed::{self, Observed},
    thumbnail::thumbnail,
};
use crate::{
    engine::{
        files,
        stage::Stage,
        work::{Progress, RunStage, StageError, Work},
    },
    metrics::observation::FrameSeen,
    spec::SeenSpec,
    stages::spec_of,
    video::{Clip, Decoder, Ffmpeg, Salvaged, Sampled, VideoError},
};

/// Role of the reference in stages whose face it decides.
pub(super) const REFERENCE: &str = "reference";
/// Name of the clip among the digests of a stage.
pub(super) const CLIP: &str = "clip";

/// What looks at clips on one thread. Eyes are opened when first needed, and again after a panic.
pub(super) struct Viewer<'a> {
    pub(super) sight: &'a Sight,
    pub(super) ffmpeg: &'a Ffmpeg,
    /// Digest of a clip → where it is.
    pub(super) paths: &'a BTreeMap<String, PathBuf>,
    pub(super) eyes: &'a Mutex<Option<Box<dyn Eyes>>>,
}

impl RunStage for Viewer<'_> {
    fn run(&self, stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
        let lock = || self.eyes.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out, so that eyes that panicked are not used again.
        let taken = lock().take();
        let mut eyes = taken.map_or_else(|| (self.sight.open)(), Ok)?;
        let done = self.look(stage, work, eyes.as_mut());
        *lock() = Some(eyes);
        done
    }
}

impl Viewer<'_> {
    fn look(&self, stage: &Stage, work: &Work<'_>, eyes: &mut dyn Eyes) -> Result<(), StageError> {
        let spec: SeenSpec = spec_of(stage)?;
        let digest = stage.digests.get(CLIP).map(String::as_str).unwrap_or_default();
        let path = self.paths.get(digest).ok_or_else(|| {
            StageError::Failed("no file of this digest is known; run `ffrun eval` again".to_owned())
        })?;
        let tokens_left_off = eyes.set_prompt(spec.prompt.as_deref())?;
        let reference = match work.inputs.get(REFERENCE) {
            Some(folder) => Observed::read(folder)?.seen.into_iter().find_map(|frame| frame.face),
            None => None,
        };
        eyes.set_reference(reference.as_ref());
        let clip = Decoder { ffmpeg: self.ffmpeg, stop: work.stop }.open(path)?;
        let observed = frames(&clip, &spec, (work, eyes))?;
        unchanged(path, digest, &clip.digest()?)?;
        Observed { tokens_left_off, ..observed }.write(&work.out)
    }
}

/// What is seen in the frames that the rules sample. Under those of the field's scripts a
/// damaged clip is looked at again, for the frames of it that can be read.
fn frames(
    clip: &Clip<'_>,
    spec: &SeenSpec,
    (work, eyes): (&Work<'_>, &mut dyn Eyes),
) -> Result<Observed, StageError> {
    let (done, total) = (Cell::new(0), Cell::new(spec.sampled as u64));
    let places = |frames: usize| {
        let places = spec.places(frames);
        done.set(0);
        total.set(places.len() as u64);
        places
    };
    let mut look = |at: usize, picture: &Picture| {
        let frame = see(picture, at, (work, &mut *eyes))?;
        done.set(done.get() + 1);
        let note = String::new();
        (work.progress)(Progress { done: done.get(), total: total.get(), note });
        Ok(frame)
    };
    let whole = clip.sample(&places, &mut |at, picture| look(at, picture).map_err(Halt::Look));
    let fewer = spec.rules.goes_on_with_fewer_frames();
    let Salvaged { frames, mut seen, unread } = match whole {
        Ok(Sampled { frames, seen }) => Salvaged { frames, seen, unread: Vec::new() },
        Err(Halt::Clip(error)) if fewer && error.is_damage() => clip.salvage(&places, &mut look)?,
        Err(halt) => return Err(halt.into()),
    };
    seen.extend(unread.into_iter().map(|(frame, reason)| FrameSeen {
        frame,
        unread: Some(reason),
        ..FrameSeen::default()
    }));
    seen.sort_by_key(|frame| frame.frame);
    Ok(Observed { frames, tokens_left_off: 0, seen })
}

/// Looks at a frame and keeps a small picture of it.
fn see(
    picture: &Picture,
    at: usize,
    (work, eyes): (&Work<'_>, &mut dyn Eyes),
) -> Result<FrameSeen, StageError> {
    if work.stop.load(Ordering::SeqCst) {
        return Err(StageError::Interrupted);
    }
    let frame = FrameSeen { frame: at, ..eyes.see(picture)? };
    let face = frame.face.as_ref().map(|face| face.box_px);
    files::write_atomic(&work.out.join(observed::thumbnail(at)), &thumbnail(picture, face)?)?;
    Ok(frame)
}

/// A result must never be stored under the digest of other bytes.
fn unchanged(path: &Path, before: &str, now: &str) -> Result<(), StageError> {
    if before == now {
        return Ok(());
    }
    let path = path.display();
    Err(StageError::TryAgain(format!("`{path}` changed while it was read; run again")))
}

/// Why looking at a clip ended before its end.
enum Halt {
    /// The clip.
    Clip(VideoError),
    /// What looked at it.
    Look(StageError),
}

impl From<VideoError> for Halt {
    fn from(error: VideoError) -> Self {
        Self::Clip(error)
    }
}

impl From<Halt> for StageError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Clip(error) => error.into(),
            Halt::Look(error) => error,
        }
    }
}

impl From<VideoError> for StageError {
    fn from(error: VideoError) -> Self {
        match error {
            VideoError::Stopped => Self::Interrupted,
            VideoError::NoFfmpeg { .. } => Self::Environment(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
