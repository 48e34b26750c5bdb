//! Still pictures: one frame from one file, within limits.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use ffrun_models::eval::picture::Picture;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::VideoError;

/// Longest side in pixels; twice what 8K has.
pub(super) const SIDE: u32 = 16_384;
/// Most pixels of a frame, above 8K (33 M) and what telephones photograph (50 M).
pub(super) const PIXELS: u64 = 64 << 20;
/// Most bytes that decoding one picture may take.
const DECODER_BYTES: u64 = 512 << 20;
/// Most bytes of a file that decoders read whole.
const FILE_BYTES: u64 = 256 << 20;

/// The picture in this file. Grey becomes RGB, transparency is dropped (as OpenCV and Pillow do),
/// and the orientation that cameras note is applied (as OpenCV does).
pub(super) fn read(path: &Path) -> Result<Picture, VideoError> {
    let decoder = reader(path)?.into_decoder().map_err(refused(path))?;
    turned(decoder).map_err(refused(path)).and_then(|image| picture(image, path, 0))
}

/// A reader that knows its format and its limits.
pub(super) fn reader(path: &Path) -> Result<ImageReader<BufReader<File>>, VideoError> {
    let file = open(path)?;
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(io(path))?;
    let bytes = std::fs::metadata(path).map_err(io(path))?.len();
    if bytes > FILE_BYTES && reader.format() != Some(ImageFormat::Gif) {
        return Err(too_large(path, format!("{} MiB", bytes >> 20), "256 MiB"));
    }
    reader.limits(limits());
    Ok(reader)
}

/// What the first bytes of a file say that it is; nothing for what is no picture.
pub(super) fn format(path: &Path) -> Result<Option<ImageFormat>, VideoError> {
    let mut head = Vec::new();
    open(path)?.take(64).read_to_end(&mut head).map_err(io(path))?;
    if head.is_empty() {
        return Err(VideoError::Empty { path: path.to_owned() });
    }
    Ok(image::guess_format(&head).ok())
}

/// Limits of every decoder.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(DECODER_BYTES);
    limits
}

/// A decoded image as a picture of limited size.
pub(super) fn picture(
    image: DynamicImage,
    path: &Path,
    frame: usize,
) -> Result<Picture, VideoError> {
    let (width, height) = (image.width(), image.height());
    within(path, [height, width])?;
    Picture::new([height as usize, width as usize], image.into_rgb8().into_raw()).map_err(|error| {
        VideoError::Frame { path: path.to_owned(), frame, reason: error.to_string() }
    })
}

/// Refuses a frame of more pixels than are read.
pub(super) fn within(path: &Path, [height, width]: [u32; 2]) -> Result<(), VideoError> {
    if u64::from(height) * u64::from(width) <= PIXELS && height.max(width) <= SIDE {
        return Ok(());
    }
    let size = format!("{width} × {height} pixels");
    Err(too_large(path, size, "64 million pixels, 16384 a side,"))
}

fn turned(mut decoder: impl ImageDecoder) -> image::ImageResult<DynamicImage> {
    let (width, height) = decoder.dimensions();
    // Before anything is allocated: the decoder's own limit speaks of bytes alone.
    if u64::from(width) * u64::from(height) > PIXELS {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(image::ImageError::Limits(image::error::LimitError::from_kind(kind)));
    }
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn open(path: &Path) -> Result<BufReader<File>, VideoError> {
    Ok(BufReader::new(File::open(path).map_err(io(path))?))
}

fn too_large(path: &Path, size: String, most: &str) -> VideoError {
    VideoError::TooLarge { path: path.to_owned(), size, most: most.to_owned() }
}

/// A failure of the system as an error that names the path.
pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> VideoError + '_ {
    |source| VideoError::Io { path: path.to_owned(), source }
}

/// A failure of the first frame.
pub(super) fn refused(path: &Path) -> impl Fn(image::ImageError) -> VideoError + '_ {
    refused_at(path, 0)
}

/// A failure of a frame.
pub(super) fn refused_at(
    path: &Path,
    frame: usize,
) -> impl Fn(image::ImageError) -> VideoError + '_ {
    move |error| VideoError::Frame { path: path.to_owned(), frame, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, GrayImage, ImageFormat, RgbaImage};

    use super::{VideoError, read};

    fn saved(image: &image::DynamicImage, name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        image.save_with_format(&path, ImageFormat::Png).unwrap();
        (folder, path)
    }

    #[test]
    fn grey_and_transparent_pictures_become_rgb() {
        let grey = GrayImage::from_pixel(3, 2, image::Luma([9])).into();
        let (_kept, path) = saved(&grey, "a.png");
        let picture = read(&path).unwrap();
        assert_eq!((picture.size(), picture.values()), ([2, 3], &[9u8; 18][..]));
        let alpha = GrayAlphaImage::from_pixel(1, 1, image::LumaA([7, 0])).into();
        let (_kept, path) = saved(&alpha, "b.png");
        assert_eq!(read(&path).unwrap().values(), [7, 7, 7]);
        let clear = RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 0])).into();
        // The name says JPEG, the bytes PNG; the bytes count.
        let (_kept, path) = saved(&clear, "c.jpg");
        assert_eq!(read(&path).unwrap().values(), [1, 2, 3]);
    }

    #[test]
    fn what_is_no_picture_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(super::format(&path), Err(VideoError::Empty { .. })));
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nthe rest is missing").unwrap();
        assert!(matches!(read(&path), Err(VideoError::Frame { frame: 0, .. })));
        assert!(matches!(read(&folder.path().join("b.png")), Err(VideoError::Io { .. })));
    }
}
