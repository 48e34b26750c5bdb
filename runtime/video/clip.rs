//! A clip of any kind: what a path holds, its digest, and its frames one at a time.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use ffrun_models::eval::picture::Picture;
use image::ImageFormat;

use super::{Ffmpeg, VideoError, animation, film::Film, folder, still};

/// From the number of frames of a clip to the places of those to look at, ascending, each once.
pub(super) type Places<'a> = &'a dyn Fn(usize) -> Vec<usize>;

/// What is done with a frame: its place in the clip and the picture.
pub(super) type Look<'a, T, E> = &'a mut dyn FnMut(usize, &Picture) -> Result<T, E>;

/// What opens clips.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'a> {
    /// For films.
    pub ffmpeg: &'a Ffmpeg,
    /// When it turns true, decoding ends with [`VideoError::Stopped`].
    pub stop: &'a AtomicBool,
}

/// A clip that can be read.
#[derive(Clone, Debug)]
pub struct Clip<'a> {
    path: PathBuf,
    kind: Kind,
    decoder: Decoder<'a>,
}

#[derive(Clone, Debug)]
enum Kind {
    Still,
    Animation(ImageFormat),
    Folder(Vec<PathBuf>),
    Film,
}

/// What was seen of a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled<T> {
    /// Frames that the clip has.
    pub frames: usize,
    /// One for each frame looked at, in order.
    pub seen: Vec<T>,
}

/// What was seen of a clip that is damaged in part.
#[derive(Clone, Debug, PartialEq)]
pub struct Salvaged<T> {
    /// Frames that the clip has or promises.
    pub frames: usize,
    /// One for each frame looked at, in order.
    pub seen: Vec<T>,
    /// Places of wanted frames that cannot be read, ascending, and why.
    pub unread: Vec<(usize, String)>,
}

impl<'a> Decoder<'a> {
    /// Finds out what lies at `path`, by its first bytes and not by its name.
    ///
    /// # Errors
    /// For a path that cannot be read, an empty file, a folder without frames.
    pub fn open(self, path: &Path) -> Result<Clip<'a>, VideoError> {
        let kind = if std::fs::metadata(path).map_err(still::io(path))?.is_dir() {
            Kind::Folder(folder::frames(path)?)
        } else {
            match still::format(path)? {
                Some(format) if animation::moves(path, format)? => Kind::Animation(format),
                Some(_) => Kind::Still,
                None => Kind::Film,
            }
        };
        Ok(Clip { path: path.to_owned(), kind, decoder: self })
    }
}

impl Clip<'_> {
    /// Looks at the frames at `places`, one in memory at a time. `look` may be called for more frames
    /// than are given back, if a film turns out to have another number of frames than its container
    /// says.
    ///
    /// # Errors
    /// What `look` gives, and any frame that cannot be decoded: no frame is left out silently.
    pub fn sample<T, E: From<VideoError>>(
        &self,
        places: Places<'_>,
        look: Look<'_, T, E>,
    ) -> Result<Sampled<T>, E> {
        match &self.kind {
            Kind::Still => {
                let seen = look(0, &still::read(&self.path)?)?;
                Ok(Sampled { frames: 1, seen: vec![seen] })
            }
            Kind::Folder(files) => {
                let picture = |place: usize| Ok((place, still::read(&files[place])?));
                self.each(files.len(), places(files.len()).into_iter().map(picture), look)
            }
            Kind::Animation(format) => {
                let frames = animation::count(&self.path, *format)?;
                let wanted = places(frames);
                self.each(frames, animation::pictures(&self.path, *format, &wanted)?, look)
            }
            Kind::Film => {
                let Decoder { ffmpeg, stop } = self.decoder;
                Film { path: &self.path, ffmpeg, stop }.sample(places, look)
            }
        }
    }

    /// The same for a clip that [`Self::sample`] refuses: what cannot be decoded is passed over and
    /// listed, and a film that ends early has the frames that its header promises.
    ///
    /// # Errors
    /// What `look` gives, and a clip of which no wanted frame can be read.
    pub fn salvage<T, E: From<VideoError>>(
        &self,
        places: Places<'_>,
        look: Look<'_, T, E>,
    ) -> Result<Salvaged<T>, E> {
        let salvaged = match &self.kind {
            Kind::Still => {
                let Sampled { frames, seen } = self.sample(places, look)?;
                Salvaged { frames, seen, unread: Vec::new() }
            }
            Kind::Folder(files) => {
                let picture = |place: usize| still::read(&files[place]).map(|read| (place, read));
                let wanted = places(files.len());
                self.readable((files.len(), &wanted), wanted.iter().map(|&at| picture(at)), look)?
            }
            Kind::Animation(format) => {
                let frames = animation::until_damage(&self.path, *format)?;
                let wanted = places(frames);
                let pictures = animation::pictures(&self.path, *format, &wanted)?;
                self.readable((frames, &wanted), pictures, look)?
            }
            Kind::Film => {
                let Decoder { ffmpeg, stop } = self.decoder;
                Film { path: &self.path, ffmpeg, stop }.salvage(places, look)?
            }
        };
        match salvaged.unread.first() {
            Some((frame, reason)) if salvaged.seen.is_empty() => {
                let (path, frame, reason) = (self.path.clone(), *frame, reason.clone());
                Err(VideoError::Frame { path, frame, reason }.into())
            }
            _ => Ok(salvaged),
        }
    }

    fn readable<T, E: From<VideoError>>(
        &self,
        (frames, wanted): (usize, &[usize]),
        pictures: impl Iterator<Item = Result<(usize, Picture), VideoError>>,
        look: Look<'_, T, E>,
    ) -> Result<Salvaged<T>, E> {
        let mut salvaged = Salvaged { frames, seen: Vec::new(), unread: Vec::new() };
        for (picture, &place) in pictures.zip(wanted) {
            if self.decoder.stop.load(Ordering::SeqCst) {
                return Err(VideoError::Stopped.into());
            }
            match picture {
                Ok((place, picture)) => salvaged.seen.push(look(place, &picture)?),
                Err(error) => salvaged.unread.push((place, error.to_string())),
            }
        }
        Ok(salvaged)
    }

    fn each<T, E: From<VideoError>>(
        &self,
        frames: usize,
        pictures: impl Iterator<Item = Result<(usize, Picture), VideoError>>,
        look: Look<'_, T, E>,
    ) -> Result<Sampled<T>, E> {
        let mut seen = Vec::new();
        for picture in pictures {
            if self.decoder.stop.load(Ordering::SeqCst) {
                return Err(VideoError::Stopped.into());
            }
            let (place, picture) = picture?;
            seen.push(look(place, &picture)?);
        }
        if seen.is_empty() {
            let reason = "it has no frame".to_owned();
            return Err(VideoError::Frame { path: self.path.clone(), frame: 0, reason }.into());
        }
        Ok(Sampled { frames, seen })
    }

    /// Blake3 of the clip's bytes; of a folder, over the digests of its frames in their order, so
    /// that neither names nor other files count.
    pub fn digest(&self) -> Result<String, VideoError> {
        let Kind::Folder(files) = &self.kind else { return digest(&self.path) };
        let mut whole = blake3::Hasher::new();
        for file in files {
            whole.update(digest(file)?.as_bytes());
        }
        Ok(whole.finalize().to_hex().to_string())
    }
}

fn digest(path: &Path) -> Result<String, VideoError> {
    let mut hasher = blake3::Hasher::new();
    let read = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(still::io(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::{Decoder, Sampled};
    use crate::video::{Ffmpeg, VideoError};

    #[test]
    fn folders_are_clips_and_their_names_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let (ffmpeg, stop) = (Ffmpeg::default(), AtomicBool::new(false));
        let decoder = Decoder { ffmpeg: &ffmpeg, stop: &stop };
        let write = |clip: &str, names: &[&str]| {
            std::fs::create_dir(folder.path().join(clip)).unwrap();
            for (shade, name) in names.iter().enumerate() {
                let image = image::RgbImage::from_pixel(2, 2, image::Rgb([shade as u8; 3]));
                image.save(folder.path().join(clip).join(name)).unwrap();
            }
            decoder.open(&folder.path().join(clip)).unwrap()
        };
        let a = write("a", &["1.png", "2.png", "10.png"]);
        let b = write("b", &["x.png", "y.png", "z.png"]);
        assert_eq!(a.digest().unwrap(), b.digest().unwrap());
        let ends = |frames: usize| vec![0, frames - 1];
        let seen = a.sample::<_, VideoError>(&ends, &mut |at, frame| Ok((at, frame.values()[0])));
        assert_eq!(seen.unwrap(), Sampled { frames: 3, seen: vec![(0, 0), (2, 2)] });
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let stopped = a.sample::<_, VideoError>(&ends, &mut |_, _| Ok(()));
        assert!(matches!(stopped, Err(VideoError::Stopped)));
    }
}
