//! Mutated clips and pictures: a frame or a reason for each, without a panic, a hang, or much
//! memory. `FFRUN_FUZZ=1000 cargo test fuzz` tries that many.

use std::{
    path::PathBuf,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use ffrun::{
    engine::{StageError, host},
    eval::{Eyes, in_world},
    video::{Decoder, Ffmpeg},
};
use ffrun_models::stream::Stream;
use image::{DynamicImage, Frame, ImageFormat, RgbImage, codecs::gif::GifEncoder};

use super::films::Films;

/// Files tried where `FFRUN_FUZZ` does not say.
const FEW: usize = 24;
/// Longest time for one file: a stalled film is given up after a minute.
const LONGEST: Duration = Duration::from_secs(90);
/// Largest real file that is mutated.
const BYTES: u64 = 4 << 20;

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may be told how long to run")]
fn mutated_files_give_a_frame_or_a_reason() {
    let asked = std::env::var("FFRUN_FUZZ").ok().map(|text| text.parse::<usize>().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let seeds = seeds();
    let mut eyes = (in_world().open)().unwrap();
    let (mut read, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    for file in 0..asked.unwrap_or(FEW) {
        let mut stream = Stream::new(1, "fuzz", file as u64);
        let path = folder.path().join("mutated");
        std::fs::write(&path, mutated(&seeds[file % seeds.len()], &mut stream)).unwrap();
        let began = Instant::now();
        match look(&path, eyes.as_mut()) {
            Ok(()) => read += 1,
            Err(StageError::Failed(reason)) => {
                assert!(reason.contains('`'), "{reason}");
                refused += 1;
            }
            Err(other) => panic!("file {file}: {other}"),
        }
        slowest = slowest.max(began.elapsed());
        assert!(began.elapsed() < LONGEST, "file {file} took {:?}", began.elapsed());
    }
    let peak = host::peak_mib();
    println!("{read} read, {refused} refused, slowest {slowest:?}, peak {peak:.0} MiB");
    // With other tests in the same process the peak is not this test's alone.
    assert!(asked.is_none() || peak < 1024.0, "{peak} MiB");
}

fn look(path: &std::path::Path, eyes: &mut dyn Eyes) -> Result<(), StageError> {
    let (ffmpeg, stop) = (Ffmpeg::default(), AtomicBool::new(false));
    let clip = Decoder { ffmpeg: &ffmpeg, stop: &stop }.open(path)?;
    let ends = |frames: usize| if frames > 1 { vec![0, frames - 1] } else { vec![0] };
    clip.sample(&ends, &mut |_, picture| eyes.see(picture)).map(drop)
}

/// A file with some bytes changed, and often cut, or with a piece doubled.
fn mutated(seed: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let at = |stream: &mut Stream, length: usize| stream.below(length.max(1));
    for _ in 0..=at(stream, 12) {
        // Headers decide most, so every second change is made there.
        let reach = if stream.below(2) == 0 { bytes.len().min(200) } else { bytes.len() };
        let place = at(stream, reach);
        bytes[place] = stream.below(256) as u8;
    }
    match stream.below(4) {
        0 => bytes.truncate(at(stream, seed.len()).max(1)),
        1 => {
            let (from, to) = (at(stream, seed.len()), at(stream, seed.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.extend(piece);
        }
        _ => {}
    }
    bytes
}

/// Pictures and films made here, and real ones where there are any.
fn seeds() -> Vec<Vec<u8>> {
    let image = RgbImage::from_fn(96, 64, |x, y| image::Rgb([x as u8 * 2, y as u8 * 3, 90]));
    let image = DynamicImage::from(image);
    let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::WebP];
    let encoded = formats.into_iter().chain([ImageFormat::Pnm]).map(|format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    });
    let mut seeds: Vec<Vec<u8>> = encoded.collect();
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for _ in 0..5 {
        encoder.encode_frame(Frame::new(image.to_rgba8())).unwrap();
    }
    drop(encoder);
    seeds.push(gif);
    if let Some(films) = Films::new() {
        let source = "-f lavfi -i testsrc2=size=160x120:rate=10 -frames:v 20 -pix_fmt yuv420p";
        for (codec, name) in [
            ("-c:v libx264 -movflags +faststart", "a.mp4"),
            ("-c:v libvpx-vp9 -deadline realtime", "b.webm"),
            ("-c:v mjpeg", "c.avi"),
            ("-c:v libx265 -x265-params log-level=none", "d.mkv"),
        ] {
            seeds.push(std::fs::read(films.make(&format!("{source} {codec}"), name)).unwrap());
        }
    }
    seeds.extend(real().iter().filter_map(|path| std::fs::read(path).ok()));
    seeds
}

/// Real clips and pictures of up to [`BYTES`].
fn real() -> Vec<PathBuf> {
    let assets = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/assets");
    let mut found = Vec::new();
    for folder in ["videos", "videos/liveportrait", "images", "images/inspireface_pose"] {
        let items = std::fs::read_dir(assets.join(folder)).into_iter().flatten().flatten();
        found.extend(items.map(|item| item.path()));
    }
    found.retain(|path| path.metadata().is_ok_and(|file| file.is_file() && file.len() <= BYTES));
    found.sort();
    if found.is_empty() {
        println!("no real clips in {}: made ones only", assets.display());
    }
    found
}
