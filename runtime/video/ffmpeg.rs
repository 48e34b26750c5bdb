//! The ffmpeg programs: where they are, what they may read, and how much memory they may take.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
};

use super::{
    VideoError,
    child::{self, End, STALL},
    still::PIXELS,
};

/// Address space of a decoder in KiB: enough for H.264 at 8K; a hostile file gets no more.
#[cfg(unix)]
const MEMORY_KIB: u64 = 1 << 20;

/// Containers that are read. Playlists and scripts, which name further files and addresses, are
/// not among them.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,matroska,webm,avi,flv,asf,mpeg,mpegts,ogg,ivf,gif,apng,\
                          h264,hevc,obu,av1,m4v,mpegvideo,mjpeg,yuv4mpegpipe,nut,wav,mp3,flac,aac";

/// Where `ffmpeg` and `ffprobe` are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ffmpeg {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
}

impl Default for Ffmpeg {
    /// Those on the search path.
    fn default() -> Self {
        Self { ffmpeg: "ffmpeg".into(), ffprobe: "ffprobe".into() }
    }
}

impl Ffmpeg {
    /// This `ffmpeg`, and the `ffprobe` beside it.
    pub fn at(ffmpeg: &Path) -> Self {
        let name = if cfg!(windows) { "ffprobe.exe" } else { "ffprobe" };
        Self { ffmpeg: ffmpeg.to_owned(), ffprobe: ffmpeg.with_file_name(name) }
    }

    /// What the program calls itself, `ffmpeg version 5.1.9`; nothing where it does not run.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(&self.ffmpeg).arg("-version").stdin(Stdio::null()).output();
        let text = String::from_utf8_lossy(&output.ok()?.stdout).into_owned();
        let words: Vec<&str> = text.lines().next()?.split(' ').take(3).collect();
        Some(words.join(" "))
    }

    pub(super) fn probe(&self) -> Program<'_> {
        Program(&self.ffprobe)
    }

    pub(super) fn decode(&self) -> Program<'_> {
        Program(&self.ffmpeg)
    }
}

/// One of the programs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program<'a>(&'a Path);

impl Program<'_> {
    /// The program with its arguments, within its limits. Its input is closed.
    pub(super) fn command(self, arguments: Vec<OsString>) -> Command {
        let mut command = self.limited();
        command.args(["-hide_banner", "-v", "error"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// A shell sets the limit before the program starts: in this process it would take `unsafe`.
    #[cfg(unix)]
    fn limited(self) -> Command {
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit -v {MEMORY_KIB} 2>/dev/null; exec \"$@\"");
        command.arg("-c").arg(script).arg("ffrun").arg(self.0);
        command
    }

    #[cfg(not(unix))]
    fn limited(self) -> Command {
        Command::new(self.0)
    }

    /// Judges how a run on `path` ended.
    pub(super) fn judge(self, path: &Path, end: &End, stop: &AtomicBool) -> Result<(), VideoError> {
        let path = path.to_owned();
        if stop.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(VideoError::Stopped);
        }
        if end.stalled {
            return Err(VideoError::Stalled { path, seconds: STALL.as_secs() });
        }
        // A shell's codes for a program that is not there, or is none.
        if matches!(end.status.code(), Some(126 | 127)) {
            return Err(self.missing(&path));
        }
        let cut = end.words.iter().any(|line| CUT.iter().any(|sign| line.contains(sign)));
        if end.status.success() && !cut {
            return Ok(());
        }
        let mut reason = end.words[..end.words.len().min(2)].join("; ");
        if reason.is_empty() {
            reason = format!("ffmpeg ended with {}", end.status);
        }
        Err(VideoError::Film { path, reason: reason.replace("file:", "") })
    }

    /// The error for a program that is not there.
    pub(super) fn missing(self, path: &Path) -> VideoError {
        let install = match std::env::consts::OS {
            "macos" => "`brew install ffmpeg`",
            "windows" => "`winget install ffmpeg`",
            _ => "`apt install ffmpeg` or `dnf install ffmpeg`",
        };
        VideoError::NoFfmpeg {
            program: self.0.display().to_string(),
            path: path.to_owned(),
            remedy: format!("install it ({install}), or set FFRUN_FFMPEG to the program"),
        }
    }

    /// Runs a command of this program and judges its end.
    pub(super) fn run<T>(
        self,
        (path, stop): (&Path, &AtomicBool),
        command: Command,
        talk: impl FnOnce(
            Option<std::process::ChildStdin>,
            Option<std::process::ChildStdout>,
            &child::Pulse,
        ) -> T,
    ) -> Result<(T, End), VideoError> {
        child::run(command, stop, talk).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.missing(path),
            _ => VideoError::Io { path: path.to_owned(), source: error },
        })
    }
}

/// What demuxers say of files that end early, while they end with success.
const CUT: [&str; 2] = ["partial file", "ended prematurely"];

/// Arguments that open `path` as input: local files only, no scripts, no frames beyond 8K's size.
pub(super) fn input(path: &Path) -> Vec<OsString> {
    let limits = ["-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS];
    let mut arguments: Vec<OsString> = limits.map(Into::into).into();
    arguments.extend(["-max_pixels".into(), PIXELS.to_string().into()]);
    // The protocol by name: a path may hold a colon or begin with a dash.
    let mut place = OsString::from("file:");
    place.push(path);
    arguments.extend(["-i".into(), place]);
    arguments
}
