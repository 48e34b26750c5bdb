//! Clips as MP4, for reports and for other programs: H.264 through ffmpeg.

use std::{
    io::{self, Write},
    path::Path,
    process::{ChildStdin, Stdio},
    sync::atomic::AtomicBool,
};

use ffrun_models::eval::picture::Picture;

use super::{Ffmpeg, VideoError};

/// Writes frames as an MP4 that browsers play: H.264, 4:2:0, odd sides padded by one pixel. The
/// file appears whole or not at all.
///
/// # Errors
/// When ffmpeg is missing, lacks an H.264 encoder, or `path` cannot be written.
pub fn write_mp4(
    ffmpeg: &Ffmpeg,
    frames: &[Picture],
    fps: f64,
    path: &Path,
) -> Result<(), VideoError> {
    let failed = |reason: String| VideoError::Write { path: path.to_owned(), reason };
    if frames.is_empty() || !(fps.is_finite() && fps > 0.0) {
        return Err(failed(format!("{} frames at {fps} a second are no clip", frames.len())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut named = tempfile::Builder::new();
    named.prefix(".clip-").suffix(".mp4");
    // A temporary file is its owner's alone; a film in a report is for everybody.
    #[cfg(unix)]
    named.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let temporary = named
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|error| failed(error.to_string()))?;
    let program = ffmpeg.decode();
    let rate = fps.to_string();
    let from = ["-y", "-nostats", "-f", "image2pipe", "-c:v", "ppm", "-framerate", &rate];
    let to = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4"];
    let mut arguments: Vec<std::ffi::OsString> = from.map(Into::into).into();
    arguments.extend(["-i", "pipe:0", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"].map(Into::into));
    arguments.extend(to.map(Into::into));
    arguments.push(temporary.path().into());
    let mut command = program.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let stop = AtomicBool::new(false);
    let feed =
        |input: Option<ChildStdin>, _, _: &_| input.map_or(Ok(()), |pipe| write(pipe, frames));
    let (fed, end) = program.run((path, &stop), command, feed)?;
    program.judge(path, &end, &stop).map_err(|error| match error {
        VideoError::Film { reason, .. } => failed(reason),
        other => other,
    })?;
    fed.map_err(|error| failed(error.to_string()))?;
    temporary.persist(path).map_err(|error| failed(error.to_string()))?;
    Ok(())
}

fn write(mut pipe: ChildStdin, frames: &[Picture]) -> io::Result<()> {
    for frame in frames {
        let [height, width] = frame.size();
        write!(pipe, "P6\n{width} {height}\n255\n")?;
        pipe.write_all(frame.values())?;
    }
    Ok(())
}
