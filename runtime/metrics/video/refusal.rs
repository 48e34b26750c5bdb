//! Why a clip gets no numbers.

use thiserror::Error;

/// What keeps a clip or a method from being measured: the reason of its error row.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The similarity to nobody means nothing. ConsisID's script stops here, OpenS2V's skips the
    /// pair.
    #[error(
        "no face was found in the reference; give a picture in which the face is larger and turned \
         to the camera"
    )]
    NoFaceInReference,
    /// ConsisID's script goes on with fewer frames and does not say so.
    #[error(
        "{unread} of {frames} sampled frames cannot be read, frame {first} first: {reason}; \
         encode the clip again"
    )]
    UnreadFrames {
        /// How many.
        unread: usize,
        /// Of how many.
        frames: usize,
        /// Place of the first in its clip.
        first: usize,
        /// Why.
        reason: String,
    },
    /// Nothing was sampled.
    #[error("the clip has no frames")]
    NoFrames,
    /// A set that no Gaussian can be fitted to.
    #[error(
        "a distance of distributions needs at least 2 face crops a side, found {made} generated and \
         {real} real ones"
    )]
    TooFewCrops {
        /// Crops of generated clips.
        made: usize,
        /// Crops that they are compared with.
        real: usize,
    },
    /// Features of different networks, or broken ones.
    #[error("the distance of distributions cannot be computed: {0}")]
    Features(String),
}
