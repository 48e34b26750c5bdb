//! What looks at frames: the seam between scoring and networks.

use std::collections::BTreeMap;

use ffrun_models::eval::picture::Picture;
use serde_json::Value;

use crate::{
    engine::work::StageError,
    metrics::{
        observation::{FaceSeen, FrameSeen},
        video::Networks,
    },
};

/// Whatever can look at frames, one after the other, on the calling thread.
pub trait Eyes: Send {
    /// Takes the text that the frames from now on are compared with; nothing takes it away. Gives
    /// how many of its tokens are left off because it is too long.
    fn set_prompt(&mut self, prompt: Option<&str>) -> Result<usize, StageError>;

    /// Takes the face that is looked for among several in the frames from now on.
    fn set_reference(&mut self, reference: Option<&FaceSeen>);

    /// What is seen in a frame. Its place is not known here.
    fn see(&mut self, frame: &Picture) -> Result<FrameSeen, StageError>;
}

/// A kind of eyes: which networks they look with, and how to get a pair.
pub struct Sight {
    /// Names of the networks: part of every metric's name.
    pub networks: Networks,
    /// Name → digest of everything that decides what is seen: part of every key.
    pub digests: BTreeMap<String, String>,
    /// How faces are looked for: part of every key.
    pub options: Value,
    /// Whether the reference decides which face of several counts.
    pub by_reference: bool,
    /// Opens a pair. Each working thread has its own.
    pub open: Box<dyn Fn() -> Result<Box<dyn Eyes>, StageError> + Sync>,
}
