//! Where clips are looked at: a thread, a pair of eyes and a share of the cores for each slot.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, atomic::AtomicBool},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{
    eyes::{Eyes, Sight},
    viewer::Viewer,
};
use crate::{
    engine::{Done, EngineError, Key, Launch, Launched, Progress, Slot, Store, host, run_one},
    video::Ffmpeg,
};

/// Runs `seen` stages in this process: networks are opened once a slot and not once a clip, films
/// are decoded in processes of their own, and a panic fails its clip only.
pub struct Desk<'a> {
    store: &'a Store,
    sight: &'a Sight,
    ffmpeg: &'a Ffmpeg,
    paths: &'a BTreeMap<String, PathBuf>,
    places: Vec<Place>,
}

struct Place {
    pool: ThreadPool,
    eyes: Mutex<Option<Box<dyn Eyes>>>,
}

impl<'a> Desk<'a> {
    /// A desk with a place for each slot.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(
        store: &'a Store,
        (sight, ffmpeg): (&'a Sight, &'a Ffmpeg),
        paths: &'a BTreeMap<String, PathBuf>,
        slots: &[Slot],
    ) -> Result<Self, EngineError> {
        let place = |slot: &Slot| {
            let pool = ThreadPoolBuilder::new().num_threads(slot.threads.max(1)).build();
            let pool = pool.map_err(|error| EngineError::Launch {
                exe: host::program(),
                source: std::io::Error::other(error),
            })?;
            Ok(Place { pool, eyes: Mutex::new(None) })
        };
        let places = slots.iter().map(place).collect::<Result<_, EngineError>>()?;
        Ok(Self { store, sight, ffmpeg, paths, places })
    }
}

impl Launch for Desk<'_> {
    fn launch(
        &self,
        key: &Key,
        slot: &Slot,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &AtomicBool,
    ) -> Result<Launched, EngineError> {
        let Some(place) = self.places.get(slot.index) else {
            let message = format!("there is no slot {}", slot.index);
            return Err(EngineError::Environment { key: *key, message });
        };
        let Self { sight, ffmpeg, paths, .. } = *self;
        let viewer = Viewer { sight, ffmpeg, paths, eyes: &place.eyes };
        Ok(match place.pool.install(|| run_one(self.store, key, &viewer, progress, stop)) {
            Ok(done) => {
                let cached = matches!(done, Done::AlreadyDone(_));
                Launched::Done { seconds: done.record().seconds, cached }
            }
            Err(EngineError::Busy { .. }) => Launched::Busy,
            Err(error) => Launched::Failed { code: error.exit_code(), message: plain(&error) },
        })
    }
}

/// The reason alone: a reader knows clips by their names, not by their stages' keys.
fn plain(error: &EngineError) -> String {
    match error {
        EngineError::Failed { message, .. }
        | EngineError::Environment { message, .. }
        | EngineError::TryAgain { message, .. } => message.clone(),
        other => other.to_string(),
    }
}
