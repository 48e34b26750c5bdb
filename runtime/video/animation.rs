//! Moving pictures without ffmpeg: GIF, animated PNG, animated WebP, one frame in memory at a time.

use std::{fs::File, io::BufReader, path::Path};

use ffrun_models::eval::picture::Picture;
use image::{
    AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageFormat,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
};

use super::{
    VideoError,
    still::{io, limits, picture, refused, refused_at, within},
};

/// Whether a file of this format moves. A GIF of one frame counts as moving, which does no harm.
pub(super) fn moves(path: &Path, format: ImageFormat) -> Result<bool, VideoError> {
    Ok(match format {
        ImageFormat::Gif => true,
        ImageFormat::Png => png(path)?.is_apng().map_err(refused(path))?,
        ImageFormat::WebP => webp(path)?.has_animation(),
        _ => false,
    })
}

/// How many frames there are: found by decoding them, since these formats do not tell.
pub(super) fn count(path: &Path, format: ImageFormat) -> Result<usize, VideoError> {
    let mut count = 0;
    for frame in frames(path, format)? {
        frame.map_err(refused_at(path, count))?;
        count += 1;
    }
    Ok(count)
}

/// How many frames there are up to the first that cannot be decoded, that one included.
pub(super) fn until_damage(path: &Path, format: ImageFormat) -> Result<usize, VideoError> {
    let mut whole = true;
    Ok(frames(path, format)?
        .take_while(|frame| std::mem::replace(&mut whole, frame.is_ok()))
        .count())
}

/// The frames at `places`, which ascend.
pub(super) fn pictures<'a>(
    path: &'a Path,
    format: ImageFormat,
    places: &'a [usize],
) -> Result<impl Iterator<Item = Result<(usize, Picture), VideoError>> + 'a, VideoError> {
    let chosen = frames(path, format)?.enumerate();
    let chosen = chosen.filter(|(place, _)| places.binary_search(place).is_ok());
    Ok(chosen.map(move |(place, frame)| {
        let frame = frame.map_err(refused_at(path, place))?;
        Ok((place, picture(DynamicImage::from(frame.into_buffer()), path, place)?))
    }))
}

fn frames(path: &Path, format: ImageFormat) -> Result<Frames<'static>, VideoError> {
    Ok(match format {
        ImageFormat::Png => png(path)?.apng().map_err(refused(path))?.into_frames(),
        ImageFormat::WebP => webp(path)?.into_frames(),
        _ => gif(path)?.into_frames(),
    })
}

fn gif(path: &Path) -> Result<GifDecoder<BufReader<File>>, VideoError> {
    limited(GifDecoder::new(open(path)?).map_err(refused(path))?, path)
}

fn png(path: &Path) -> Result<PngDecoder<BufReader<File>>, VideoError> {
    limited(PngDecoder::with_limits(open(path)?, limits()).map_err(refused(path))?, path)
}

fn webp(path: &Path) -> Result<WebPDecoder<BufReader<File>>, VideoError> {
    limited(WebPDecoder::new(open(path)?).map_err(refused(path))?, path)
}

fn limited<D: ImageDecoder>(mut decoder: D, path: &Path) -> Result<D, VideoError> {
    let (width, height) = decoder.dimensions();
    within(path, [height, width])?;
    decoder.set_limits(limits()).map_err(refused(path))?;
    Ok(decoder)
}

fn open(path: &Path) -> Result<BufReader<File>, VideoError> {
    Ok(BufReader::new(File::open(path).map_err(io(path))?))
}

#[cfg(test)]
mod tests {
    use image::{Frame, ImageFormat, Rgba, RgbaImage, codecs::gif::GifEncoder};

    use super::{count, moves, pictures};

    #[test]
    fn frames_of_a_gif_come_by_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gif");
        let mut encoder = GifEncoder::new(std::fs::File::create(&path).unwrap());
        for shade in [0, 100, 200, 250] {
            let image = RgbaImage::from_pixel(4, 3, Rgba([shade, shade, shade, 255]));
            encoder.encode_frame(Frame::new(image)).unwrap();
        }
        drop(encoder);
        assert!(moves(&path, ImageFormat::Gif).unwrap());
        assert_eq!(count(&path, ImageFormat::Gif).unwrap(), 4);
        let found = pictures(&path, ImageFormat::Gif, &[1, 3]).unwrap();
        let found: Vec<_> = found.map(|frame| frame.unwrap()).collect();
        let shades: Vec<_> = found.iter().map(|(at, frame)| (*at, frame.values()[0])).collect();
        assert_eq!(shades, [(1, 100), (3, 250)]);
    }
}
