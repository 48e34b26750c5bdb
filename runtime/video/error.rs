//! What can go wrong between a path and the frames of a clip.

use std::{io, path::PathBuf};

use thiserror::Error;

/// A clip that gives no frames, or not all of them.
#[derive(Debug, Error)]
pub enum VideoError {
    /// The clip ends before its header says.
    #[error("`{}` is cut short: it holds {found} of the {promised} frames its header promises", .path.display())]
    CutShort {
        /// The clip.
        path: PathBuf,
        /// Frames that are there.
        found: usize,
        /// Frames that should be.
        promised: usize,
    },
    /// The file has no byte.
    #[error("`{}` is empty (0 bytes); was its download or its rendering interrupted?", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// ffmpeg ended with an error.
    #[error("`{}` cannot be decoded: {reason}", .path.display())]
    Film {
        /// The clip.
        path: PathBuf,
        /// What ffmpeg said.
        reason: String,
    },
    /// A picture that the decoder refuses.
    #[error("frame {frame} of `{}` cannot be decoded: {reason}", .path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// Place of the frame, from 0.
        frame: usize,
        /// What the decoder said.
        reason: String,
    },
    /// The system refused.
    #[error("cannot read `{}`: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// ffmpeg or ffprobe is not installed.
    #[error("`{program}` is needed for `{}` and was not found; {remedy}", .path.display())]
    NoFfmpeg {
        /// The program that was looked for.
        program: String,
        /// The clip.
        path: PathBuf,
        /// How to get it on this system.
        remedy: String,
    },
    /// A folder without one picture.
    #[error("the folder `{}` holds no picture; frames are .png, .jpg, .webp, .bmp, .ppm, .pgm or .gif files", .path.display())]
    NoFrames {
        /// The folder.
        path: PathBuf,
    },
    /// A file of sound or of nothing.
    #[error("`{}` holds no video: {what}", .path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: String,
    },
    /// ffmpeg made no progress.
    #[error("`{}` was given up: no frame came for {seconds} s", .path.display())]
    Stalled {
        /// The clip.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Stopped,
    /// A picture beyond what is read.
    #[error("`{}` is too large: {size}; at most {most} are read", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in words.
        size: String,
        /// The limit in words.
        most: String,
    },
    /// A clip that could not be written.
    #[error("cannot write the clip `{}`: {reason}", .path.display())]
    Write {
        /// The clip.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

impl VideoError {
    /// Whether frames of the clip may be readable all the same.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::CutShort { .. } | Self::Film { .. } | Self::Frame { .. })
    }
}
