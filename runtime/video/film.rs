//! Films through ffmpeg: the wanted frames of a clip of any length, one in memory at a time.

use std::{
    io::{self, BufReader},
    path::Path,
    process::ChildStdout,
    sync::atomic::{AtomicBool, Ordering},
};

use ffrun_models::eval::picture::Picture;

use super::{
    Ffmpeg, VideoError,
    child::{End, Pulse},
    clip::{Look, Places, Salvaged, Sampled},
    ffmpeg::input,
    ppm, probe,
    still::PIXELS,
};

/// A film and what reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Film<'a> {
    pub(super) path: &'a Path,
    pub(super) ffmpeg: &'a Ffmpeg,
    pub(super) stop: &'a AtomicBool,
}

/// What ffmpeg does about damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// It ends with an error.
    Ends,
    /// It goes on with what follows.
    PassedOver,
}

/// A frame that was not read, or not looked at.
enum Halt<E> {
    Pipe(io::Error),
    Look(E),
}

impl Film<'_> {
    /// Looks at the frames at `places`. How many frames there are is guessed from its
    /// packets and known only after decoding; where the guess was wrong (hidden frames, edit lists)
    /// the film is decoded once more.
    pub(super) fn sample<T, E: From<VideoError>>(
        &self,
        places: Places<'_>,
        look: Look<'_, T, E>,
    ) -> Result<Sampled<T>, E> {
        let mut frames = probe::packets(self.path, self.ffmpeg, self.stop)?.max(1);
        for _ in 0..2 {
            let (seen, decoded) = self.pass(&places(frames), look)?;
            if decoded == frames {
                return Ok(Sampled { frames, seen });
            }
            if decoded == 0 {
                return Err(self.failed("no frame of it can be decoded").into());
            }
            frames = decoded;
        }
        Err(self.failed("its number of frames changes from one decoding to the next").into())
    }

    /// Looks at those of the frames at `places` that can be decoded. As OpenCV does, which the
    /// scripts of the field read films with, it takes the number of frames from the header.
    pub(super) fn salvage<T, E: From<VideoError>>(
        &self,
        places: Places<'_>,
        look: Look<'_, T, E>,
    ) -> Result<Salvaged<T>, E> {
        let frames = probe::promised(self.path, self.ffmpeg, self.stop)?;
        let wanted = places(frames);
        let (seen, end) = self.decode(&wanted, Damage::PassedOver, look)?;
        if self.stop.load(Ordering::SeqCst) {
            return Err(VideoError::Stopped.into());
        }
        let reason = format!("the film ends after {} of {frames} frames", end.frames);
        let unread = wanted.get(seen.len()..).unwrap_or_default();
        let unread = unread.iter().map(|place| (*place, reason.clone())).collect();
        Ok(Salvaged { frames, seen, unread })
    }

    /// Decodes the whole film once; looks at the frames at `places`; gives what was seen and how
    /// many frames there were.
    fn pass<T, E: From<VideoError>>(
        &self,
        places: &[usize],
        look: Look<'_, T, E>,
    ) -> Result<(Vec<T>, usize), E> {
        let (seen, end) = self.decode(places, Damage::Ends, look)?;
        self.ffmpeg.decode().judge(self.path, &end, self.stop)?;
        Ok((seen, end.frames))
    }

    fn decode<T, E: From<VideoError>>(
        &self,
        places: &[usize],
        damage: Damage,
        look: Look<'_, T, E>,
    ) -> Result<(Vec<T>, End), E> {
        let program = self.ffmpeg.decode();
        let command = program.command(self.arguments(places, damage));
        let talk = |_, output: Option<ChildStdout>, pulse: &Pulse| match output {
            Some(output) => {
                read(BufReader::with_capacity(1 << 16, output), places, &mut |at, picture| {
                    pulse.hold(|| look(at, picture))
                })
            }
            None => Ok(Vec::new()),
        };
        let (seen, end) = program.run((self.path, self.stop), command, talk)?;
        // A reader that gave up breaks the pipe, so its reason comes before ffmpeg's.
        match seen {
            Ok(seen) => Ok((seen, end)),
            Err(Halt::Look(error)) => Err(error),
            Err(Halt::Pipe(error)) => {
                program.judge(self.path, &end, self.stop)?;
                Err(self.failed(&error.to_string()).into())
            }
        }
    }

    /// One decoding with two readers: one counts every frame, one passes on the wanted frames.
    fn arguments(&self, places: &[usize], damage: Damage) -> Vec<std::ffi::OsString> {
        let wanted: Vec<String> = places.iter().map(|place| format!("eq(n\\,{place})")).collect();
        // At 25 frames of 1/25 s ffmpeg has no reason to drop or repeat one, in any version.
        let graph = format!(
            "[0:V:0]split[all][part];[part]select={},settb=1/25,setpts=N[wanted]",
            wanted.join("+")
        );
        let before = ["-nostdin", "-nostats", "-progress", "pipe:2", "-threads", "1"];
        let mut arguments: Vec<std::ffi::OsString> = before.map(Into::into).into();
        if damage == Damage::Ends {
            arguments.push("-xerror".into());
        }
        arguments.extend(input(self.path));
        arguments.extend(["-filter_complex".into(), graph.into()]);
        arguments.extend(["-map", "[all]", "-f", "null", "-"].map(Into::into));
        let frames = ["-map", "[wanted]", "-r", "25", "-c:v", "ppm", "-pix_fmt", "rgb24"];
        arguments.extend(frames.into_iter().chain(["-f", "image2pipe", "pipe:1"]).map(Into::into));
        arguments
    }

    fn failed(&self, reason: &str) -> VideoError {
        VideoError::Film { path: self.path.to_owned(), reason: reason.to_owned() }
    }
}

/// Reads the wanted frames off ffmpeg's output.
fn read<T, E>(
    mut stream: BufReader<ChildStdout>,
    places: &[usize],
    look: Look<'_, T, E>,
) -> Result<Vec<T>, Halt<E>> {
    let mut seen = Vec::with_capacity(places.len());
    for place in places {
        let Some((size, values)) = ppm::next(&mut stream, PIXELS).map_err(Halt::Pipe)? else {
            break;
        };
        let size = size.map(|length| length as usize);
        let picture = Picture::new(size, values)
            .map_err(|error| Halt::Pipe(io::Error::other(error.to_string())))?;
        seen.push(look(*place, &picture).map_err(Halt::Look)?);
    }
    // To the end, so that ffmpeg is not cut off while it still counts.
    io::copy(&mut stream, &mut io::sink()).map_err(Halt::Pipe)?;
    Ok(seen)
}
