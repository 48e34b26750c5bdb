//! The moving contact sheets of a report as films.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use ffrun_models::eval::picture::Picture as Frame;
use ffrun_reports::page::{Picture, PictureSource};
use image::{AnimationDecoder, DynamicImage, codecs::gif::GifDecoder};

use super::{eval::ffmpeg, exit::Exit};
use crate::video::write_mp4;

/// Writes each GIF among the pictures as `<title>.mp4` into the folder.
pub(super) fn write(pictures: &[Picture], folder: &Path) -> Result<(), Exit> {
    let ffmpeg = ffmpeg();
    for picture in pictures {
        let PictureSource::File(gif) = &picture.source else { continue };
        if gif.extension().is_none_or(|extension| extension != "gif") {
            continue;
        }
        let (frames, fps) = frames(gif)?;
        let film = folder.join(name(&picture.title));
        write_mp4(&ffmpeg, &frames, fps, &film)
            .map_err(|error| Exit::Plain { code: 6, message: error.to_string() })?;
        println!("film: {}", film.display());
    }
    Ok(())
}

/// All frames of a GIF, and how many it shows a second.
fn frames(gif: &Path) -> Result<(Vec<Frame>, f64), Exit> {
    let broken = |reason: &dyn ToString| Exit::Plain {
        code: 5,
        message: format!(
            "`{}` cannot be read: {}; `ffrun fsck --repair` moves it aside",
            gif.display(),
            reason.to_string()
        ),
    };
    let file = File::open(gif).map_err(|error| broken(&error))?;
    let decoder = GifDecoder::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    let (mut frames, mut fps) = (Vec::new(), 1.0);
    for frame in decoder.into_frames() {
        let frame = frame.map_err(|error| broken(&error))?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        fps = 1000.0 * f64::from(denominator) / f64::from(numerator.max(1));
        let picture = DynamicImage::from(frame.into_buffer()).into_rgb8();
        let size = [picture.height() as usize, picture.width() as usize];
        frames.push(Frame::new(size, picture.into_raw()).map_err(|error| broken(&error))?);
    }
    Ok((frames, fps))
}

/// A title as the name of a file: letters and digits, the rest as hyphens.
fn name(title: &str) -> PathBuf {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { ' ' };
    let words: String = title.to_ascii_lowercase().chars().map(plain).collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    format!("{}.mp4", words.join("-")).into()
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn titles_become_names_of_files() {
        let title = "What was generated: method=faithful seed=0";
        assert_eq!(name(title).as_os_str(), "what-was-generated-method-faithful-seed-0.mp4");
    }
}
