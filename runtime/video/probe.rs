//! What ffprobe finds in a film without decoding it.

use std::{io::Read, path::Path, sync::atomic::AtomicBool};

use serde::Deserialize;

use super::{Ffmpeg, VideoError, child::End, ffmpeg::input};

/// Most bytes of ffprobe's answer that are read.
const ANSWER_BYTES: u64 = 1 << 20;

/// The packets of the first video stream: as many as frames, in most files.
pub(super) fn packets(
    path: &Path,
    ffmpeg: &Ffmpeg,
    stop: &AtomicBool,
) -> Result<usize, VideoError> {
    let (answer, end) = answer(path, ffmpeg, stop)?;
    ffmpeg.probe().judge(path, &end, stop)?;
    counted(path, &answer)
}

/// The frames that the header of a damaged film promises, or else its packets: what OpenCV gives as
/// the number of frames.
pub(super) fn promised(
    path: &Path,
    ffmpeg: &Ffmpeg,
    stop: &AtomicBool,
) -> Result<usize, VideoError> {
    match counted(path, &answer(path, ffmpeg, stop)?.0) {
        Err(VideoError::CutShort { promised, .. }) => Ok(promised),
        found => Ok(found?.max(1)),
    }
}

fn answer(path: &Path, ffmpeg: &Ffmpeg, stop: &AtomicBool) -> Result<(Answer, End), VideoError> {
    let mut arguments = input(path);
    let words = ["-count_packets", "-show_entries", "stream=codec_type,nb_frames,nb_read_packets"];
    arguments.extend(words.into_iter().chain(["-of", "json"]).map(Into::into));
    let program = ffmpeg.probe();
    let read = |_, output: Option<std::process::ChildStdout>, _: &_| {
        let mut text = Vec::new();
        // What was cut off is no JSON, which is seen below.
        let _ = output.map(|output| output.take(ANSWER_BYTES).read_to_end(&mut text));
        text
    };
    let (text, end) = program.run((path, stop), program.command(arguments), read)?;
    Ok((serde_json::from_slice(&text).unwrap_or_default(), end))
}

/// The first stream of moving pictures; covers of songs are no video.
fn counted(path: &Path, answer: &Answer) -> Result<usize, VideoError> {
    let is_video =
        |stream: &&Stream| stream.codec_type == "video" && stream.disposition.attached_pic == 0;
    let Some(video) = answer.streams.iter().find(is_video) else {
        let sound = answer.streams.iter().any(|stream| stream.codec_type == "audio");
        let what = if sound { "only sound" } else { "nothing that ffmpeg can read" };
        return Err(VideoError::NoVideo { path: path.to_owned(), what: what.to_owned() });
    };
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<usize>().ok());
    let found = number(&video.nb_read_packets).unwrap_or(0);
    match number(&video.nb_frames) {
        Some(promised) if found < promised => {
            Err(VideoError::CutShort { path: path.to_owned(), found, promised })
        }
        _ => Ok(found),
    }
}

#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Stream>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    #[serde(default)]
    codec_type: String,
    nb_frames: Option<String>,
    nb_read_packets: Option<String>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Debug, Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Answer, counted};
    use crate::video::VideoError;

    fn found(streams: &str) -> Result<usize, VideoError> {
        let answer: Answer = serde_json::from_str(&format!("{{\"streams\":[{streams}]}}")).unwrap();
        counted(Path::new("a.mp4"), &answer)
    }

    #[test]
    fn sound_and_covers_are_no_video() {
        let sound = r#"{"codec_type":"audio","nb_read_packets":"9"}"#;
        let cover = r#"{"codec_type":"video","disposition":{"attached_pic":1}}"#;
        let error = found(&format!("{sound},{cover}")).unwrap_err().to_string();
        assert_eq!(error, "`a.mp4` holds no video: only sound");
        assert!(found("").is_err());
        let film = r#"{"codec_type":"video","nb_read_packets":"81"}"#;
        assert_eq!(found(&format!("{cover},{film}")).unwrap(), 81);
    }

    #[test]
    fn fewer_packets_than_promised_are_damage() {
        let film = r#"{"codec_type":"video","nb_read_packets":"151","nb_frames":"225"}"#;
        let error = found(film).unwrap_err().to_string();
        let expected = "`a.mp4` is cut short: it holds 151 of the 225 frames its header promises";
        assert_eq!(error, expected);
    }
}
