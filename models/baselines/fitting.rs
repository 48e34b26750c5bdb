//! Reference pictures brought to the video's size, to the pixel as the methods' own code does it.

use crate::error::{ModelError, ModelResult};
use crate::eval::picture::Picture;
use crate::eval::resampling::{Filter, resized_as_pil};

const WHITE: u8 = 255;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Row of the first pixel.
    pub top: usize,
    /// Column of the first pixel.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The picture inside `size` (height, width) keeping its aspect, centred on white, and where it
/// lies: Phantom's and MAGREF's way. Sizes are rounded down, filter Lanczos.
///
/// # Errors
/// When a side comes to less than a pixel.
pub fn fitted_on_white(picture: &Picture, size: [usize; 2]) -> ModelResult<(Picture, Place)> {
    let [from_height, from_width] = picture.size().map(|side| side as f64);
    let [height, width] = size;
    let ratio = from_width / from_height;
    let (new_height, new_width) = if ratio > width as f64 / height as f64 {
        ((width as f64 / ratio) as usize, width)
    } else {
        (height, (height as f64 * ratio) as usize)
    };
    let resized = resized_as_pil(picture, [new_height, new_width], Filter::Lanczos)?;
    let (top, left) = ((height - new_height) / 2, (width - new_width) / 2);
    let place = Place { top, left, height: new_height, width: new_width };
    let mut values = vec![WHITE; height * width * 3];
    paste(&mut values, width, &resized, place);
    Ok((Picture::new(size, values)?, place))
}

/// The picture padded with white to the aspect of `size`, then resized: SkyReels-A2's way for
/// subjects. Bicubic.
///
/// # Errors
/// When a size is 0.
pub fn padded_to(picture: &Picture, size: [usize; 2]) -> ModelResult<Picture> {
    let ([from_height, from_width], [height, width]) = (picture.size(), positive(size)?);
    let (h, w) = (from_height as f64, from_width as f64);
    let aspect = height as f64 / width as f64;
    let (top, left) = if h / w < aspect {
        (((aspect * w - h) / 2.0) as usize, 0)
    } else {
        (0, ((w_over_h(size) * h - w) / 2.0) as usize)
    };
    let padded = [from_height + 2 * top, from_width + 2 * left];
    let mut values = vec![WHITE; padded[0] * padded[1] * 3];
    let place = Place { top, left, height: from_height, width: from_width };
    paste(&mut values, padded[1], picture, place);
    resized_as_pil(&Picture::new(padded, values)?, size, Filter::Bicubic)
}

/// The middle of the picture in the aspect of `size`, resized: SkyReels-A2's way for backgrounds.
/// Bicubic.
///
/// # Errors
/// When a size is 0, or the middle has no pixel.
pub fn cropped_to(picture: &Picture, size: [usize; 2]) -> ModelResult<Picture> {
    let ([from_height, from_width], [height, width]) = (picture.size(), positive(size)?);
    let (h, w) = (from_height as f64, from_width as f64);
    let middle = if h / w < height as f64 / width as f64 {
        let narrow = (h / height as f64 * width as f64) as usize;
        Place { top: 0, left: (from_width - narrow) / 2, height: from_height, width: narrow }
    } else {
        let low = (w / width as f64 * height as f64) as usize;
        Place { top: (from_height - low) / 2, left: 0, height: low, width: from_width }
    };
    let rows = picture.values().chunks_exact(from_width * 3).skip(middle.top).take(middle.height);
    let cut = rows.flat_map(|row| &row[middle.left * 3..(middle.left + middle.width) * 3]);
    let cropped = Picture::new([middle.height, middle.width], cut.copied().collect())?;
    resized_as_pil(&cropped, size, Filter::Bicubic)
}

/// A picture with opacities over white, as Pillow pastes it through its alpha channel.
///
/// # Errors
/// When the values are not 4 a pixel.
pub fn over_white(size: [usize; 2], rgba: &[u8]) -> ModelResult<Picture> {
    let blend = |value: u8, alpha: u8| {
        let [value, alpha, white] = [value, alpha, WHITE].map(u32::from);
        let sum = value * alpha + white * (255 - alpha) + 128;
        ((sum + (sum >> 8)) >> 8) as u8 // a rounded division by 255
    };
    let pixels = rgba
        .chunks_exact(4)
        .flat_map(|pixel| [0, 1, 2].map(|channel| blend(pixel[channel], pixel[3])));
    Picture::new(size, pixels.collect())
}

/// Writes a picture of a place's size there, into rows of `width` pixels.
pub(super) fn paste(values: &mut [u8], width: usize, picture: &Picture, place: Place) {
    let rows = values.chunks_exact_mut(width * 3).skip(place.top);
    for (row, source) in rows.zip(picture.values().chunks_exact(place.width * 3)) {
        row[place.left * 3..(place.left + place.width) * 3].copy_from_slice(source);
    }
}

fn w_over_h([height, width]: [usize; 2]) -> f64 {
    width as f64 / height as f64
}

fn positive(size: [usize; 2]) -> ModelResult<[usize; 2]> {
    if !size.contains(&0) {
        return Ok(size);
    }
    Err(ModelError::BadSetting {
        setting: "size",
        got: format!("{size:?}"),
        expected: "must have at least one row and one column of pixels".into(),
    })
}
