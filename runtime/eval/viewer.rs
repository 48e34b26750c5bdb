//! Computes a `seen` stage: one clip, looked at with one pair of eyes.

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::Ordering},
};

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
    video::{Decoder, Ffmpeg, Sampled, VideoError},
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
        let (done, total) = (Cell::new(0), Cell::new(spec.sampled as u64));
        let places = |frames: usize| {
            let places = spec.places(frames);
            done.set(0);
            total.set(places.len() as u64);
            places
        };
        let sampled = clip.sample(&places, &mut |at, picture| {
            if work.stop.load(Ordering::SeqCst) {
                return Err(StageError::Interrupted);
            }
            let frame = FrameSeen { frame: at, ..eyes.see(picture)? };
            let face = frame.face.as_ref().map(|face| face.box_px);
            let jpeg = thumbnail(picture, face)?;
            files::write_atomic(&work.out.join(observed::thumbnail(at)), &jpeg)?;
            done.set(done.get() + 1);
            let note = String::new();
            (work.progress)(Progress { done: done.get(), total: total.get(), note });
            Ok(frame)
        })?;
        unchanged(path, digest, &clip.digest()?)?;
        let Sampled { frames, seen } = sampled;
        Observed { frames, tokens_left_off, seen }.write(&work.out)
    }
}

/// A result must never be stored under the digest of other bytes.
fn unchanged(path: &Path, before: &str, now: &str) -> Result<(), StageError> {
    if before == now {
        return Ok(());
    }
    let path = path.display();
    Err(StageError::TryAgain(format!("`{path}` changed while it was read; run again")))
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
