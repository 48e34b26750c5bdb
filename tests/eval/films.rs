//! Films through ffmpeg: every frame or a reason, whatever the file. The clips are made here.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

use ffrun::metrics::video::Rules;
use ffrun::video::{Decoder, Ffmpeg, Sampled, VideoError, write_mp4};
use ffrun_models::eval::picture::Picture;

/// A folder of test clips; nothing, said aloud, where ffmpeg is not installed.
pub(super) struct Films(pub(super) tempfile::TempDir);

impl Films {
    pub(super) fn new() -> Option<Self> {
        if Ffmpeg::default().version().is_none() {
            eprintln!("skipped: ffmpeg is not installed");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs ffmpeg with these words and the path of the clip as the last.
    pub(super) fn make(&self, words: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y"]).args(words.split(' ')).arg(&path);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }
}

/// Places and mean brightness of the frames that are looked at.
pub(super) fn look(path: &Path, count: usize) -> Result<Sampled<(usize, u32)>, VideoError> {
    let (ffmpeg, stop) = (Ffmpeg::default(), AtomicBool::new(false));
    let decoder = Decoder { ffmpeg: &ffmpeg, stop: &stop };
    let places = |frames: usize| Rules::Ffrun.face_frames(frames, count);
    decoder.open(path)?.sample(&places, &mut |at, picture: &Picture| {
        let values = picture.values();
        let sum: u64 = values.iter().map(|value| u64::from(*value)).sum();
        Ok((at, (sum / values.len() as u64) as u32))
    })
}

/// A frame's brightness tells its place: 4 times the place of the frame.
const RAMP: &str =
    "-f lavfi -i color=black:size=64x48:rate=10,format=gray,geq=lum='4*N' -frames:v 50";

#[test]
fn the_frames_that_come_are_those_that_were_asked_for() {
    let Some(films) = Films::new() else { return };
    for (codec, name) in [
        ("-c:v libx264 -bf 2 -g 25", "a.mp4"),
        ("-c:v libvpx-vp9 -b:v 200k -deadline realtime", "b.webm"),
        // VP8 hides frames that only later frames refer to.
        ("-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -b:v 100k", "c.webm"),
        ("-c:v mpeg4", "d.avi"),
    ] {
        let path = films.make(&format!("{RAMP} -pix_fmt yuv420p {codec}"), name);
        let found = look(&path, 16).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.frames, 50, "{name}");
        assert_eq!(found.seen.len(), 16);
        for (place, brightness) in found.seen {
            let off = (f64::from(brightness) - 4.0 * place as f64).abs();
            assert!(off < 8.0, "{name}: frame {place} shines {brightness}");
        }
    }
}

#[test]
fn edit_lists_and_odd_names_do_no_harm() {
    let Some(films) = Films::new() else { return };
    let whole = films.make(&format!("{RAMP} -pix_fmt yuv420p -c:v libx264 -g 50"), "whole.mp4");
    // Cut between key frames: the file holds frames that its edit list hides.
    let words = format!("-ss 2 -i {} -c copy", whole.display());
    let cut = films.make(&words, "-cut: 1%d.mp4");
    let found = look(&cut, 4).unwrap();
    assert_eq!(found.seen.len(), 4);
    assert_eq!(found.seen.last().unwrap().0, found.frames - 1);
}

#[test]
fn broken_files_give_reasons() {
    let Some(films) = Films::new() else { return };
    let words = format!("{RAMP} -pix_fmt yuv420p -c:v libx264 -g 5 -movflags +faststart");
    let whole = films.make(&words, "whole.mp4");
    let bytes = std::fs::read(&whole).unwrap();
    let says = |name: &str, bytes: &[u8]| {
        let path = films.path(name);
        std::fs::write(&path, bytes).unwrap();
        look(&path, 16).unwrap_err().to_string()
    };
    let cut = says("cut.mp4", &bytes[..bytes.len() * 3 / 4]);
    assert!(cut.contains("is cut short") || cut.contains("partial file"), "{cut}");
    let head = says("head.mp4", &bytes[..40]);
    assert!(head.contains("cannot be decoded: ") || head.contains("holds no video: "), "{head}");
    assert!(says("none.mp4", b"").contains("is empty (0 bytes)"));
    let text = says("text.mp4", b"this is no video at all, whatever its name");
    assert!(text.contains("Invalid data") || text.contains("no video"), "{text}");
    let missing = look(&films.path("absent.mp4"), 16).unwrap_err().to_string();
    assert!(missing.contains("No such file"), "{missing}");
}

#[test]
fn what_is_left_of_a_broken_film_can_be_read() {
    let Some(films) = Films::new() else { return };
    let words = format!("{RAMP} -pix_fmt yuv420p -c:v libx264 -bf 0 -g 5 -movflags +faststart");
    let bytes = std::fs::read(films.make(&words, "whole.mp4")).unwrap();
    let path = films.path("cut.mp4");
    std::fs::write(&path, &bytes[..bytes.len() * 3 / 4]).unwrap();
    let (ffmpeg, stop) = (Ffmpeg::default(), AtomicBool::new(false));
    let clip = Decoder { ffmpeg: &ffmpeg, stop: &stop }.open(&path).unwrap();
    let places = |frames: usize| Rules::ConsisId.face_frames(frames, 16);
    let left = clip
        .salvage::<_, VideoError>(&places, &mut |at, frame: &Picture| Ok((at, frame.values()[0])));
    let left = left.unwrap();
    // The number of frames is the header's, as OpenCV gives it to the scripts of the field.
    assert_eq!((left.frames, left.seen.len() + left.unread.len()), (50, 16));
    assert!(left.seen.len() > 4 && left.unread.len() > 1, "{left:?}");
    assert!(left.unread[0].0 > left.seen.last().unwrap().0);
    assert!(left.unread[0].1.starts_with("the film ends after"), "{:?}", left.unread);
    for (place, brightness) in left.seen {
        assert!((f64::from(brightness) - 4.0 * place as f64).abs() < 12.0, "{place} {brightness}");
    }
    std::fs::write(&path, &bytes[..bytes.len() / 50]).unwrap();
    let clip = Decoder { ffmpeg: &ffmpeg, stop: &stop }.open(&path).unwrap();
    clip.salvage::<_, VideoError>(&places, &mut |_, _| Ok(())).unwrap_err();
}

#[test]
fn sound_alone_is_no_video() {
    let Some(films) = Films::new() else { return };
    let sound = films.make("-f lavfi -i sine=duration=1 -c:a aac", "sound.m4a");
    let error = look(&sound, 16).unwrap_err().to_string();
    assert!(error.ends_with("holds no video: only sound"), "{error}");
}

#[test]
fn playlists_open_no_other_file() {
    let Some(films) = Films::new() else { return };
    films.make(&format!("{RAMP} -pix_fmt yuv420p -c:v libx264"), "secret.mp4");
    let list = films.path("list.mp4");
    for text in ["ffconcat version 1.0\nfile secret.mp4\n", "#EXTM3U\n#EXTINF:1,\nsecret.mp4\n"] {
        std::fs::write(&list, text).unwrap();
        assert!(look(&list, 2).is_err(), "{text}");
    }
}

#[test]
fn the_largest_and_the_smallest_frames_are_read() {
    let Some(films) = Films::new() else { return };
    let large = "-f lavfi -i color=gray:size=7680x4320:rate=2 -frames:v 2 -pix_fmt yuv420p \
                 -c:v libx264 -preset ultrafast -threads 1";
    let seen = look(&films.make(large, "8k.mp4"), 16).unwrap();
    assert_eq!((seen.frames, seen.seen.len()), (2, 2));
    let small =
        "-f lavfi -i color=gray:size=2x2:rate=2 -vf format=bgr0,crop=1:1 -frames:v 3 -c:v ffv1";
    assert_eq!(look(&films.make(small, "1.mkv"), 16).unwrap().frames, 3);
}

#[test]
fn what_is_written_is_read_again() {
    let Some(films) = Films::new() else { return };
    let frames: Vec<Picture> = [40, 120, 200]
        .map(|shade| Picture::new([31, 33], vec![shade; 31 * 33 * 3]).unwrap())
        .into();
    let path = films.path("made.mp4");
    write_mp4(&Ffmpeg::default(), &frames, 12.5, &path).unwrap();
    let seen = look(&path, 16).unwrap();
    assert_eq!(seen.frames, 3);
    assert!(seen.seen[0].1 < seen.seen[1].1 && seen.seen[1].1 < seen.seen[2].1);
    let error = write_mp4(&Ffmpeg::default(), &[], 25.0, &path).unwrap_err().to_string();
    assert!(error.contains("are no clip"), "{error}");
}

#[test]
fn without_ffmpeg_the_remedy_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    std::fs::write(&path, b"\0\0\0\x18ftypmp42").unwrap();
    let (ffmpeg, stop) = (Ffmpeg::at(&folder.path().join("ffmpeg")), AtomicBool::new(false));
    let decoder = Decoder { ffmpeg: &ffmpeg, stop: &stop };
    let clip = decoder.open(&path).unwrap();
    let error =
        clip.sample::<(), VideoError>(&|_| vec![0], &mut |_, _| Ok(())).unwrap_err().to_string();
    assert!(error.contains("ffprobe") && error.contains("FFRUN_FFMPEG"), "{error}");
}
