//! Contact sheets: rows of square tiles on white, as PNG, or as GIF where they move.

use image::{
    Delay, Frame, RgbImage, RgbaImage,
    buffer::ConvertBuffer,
    codecs::gif::{GifEncoder, Repeat},
    imageops,
};

use crate::engine::work::StageError;

/// White between tiles, pixels.
const GAP: u32 = 2;

/// Rows of RGB tiles, bytes; rows may differ in length.
pub(super) type Rows<'a> = [Vec<&'a [u8]>];

/// A sheet of tiles of one size.
pub(super) fn grid(rows: &Rows, size_px: usize) -> Result<Vec<u8>, StageError> {
    let mut png = std::io::Cursor::new(Vec::new());
    canvas(rows, size_px)
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|error| StageError::Failed(format!("cannot encode the contact sheet: {error}")))?;
    Ok(png.into_inner())
}

/// Sheets one after the other, round and round, so many a second.
pub(super) fn animation(
    sheets: &[Vec<Vec<&[u8]>>],
    size_px: usize,
    fps: f64,
) -> Result<Vec<u8>, StageError> {
    let failed = |error: image::ImageError| {
        StageError::Failed(format!("cannot encode the moving contact sheet: {error}"))
    };
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
    let delay = Delay::from_numer_denom_ms((1000.0 / fps.max(0.1)) as u32, 1);
    for rows in sheets {
        let sheet: RgbaImage = canvas(rows, size_px).convert();
        encoder.encode_frame(Frame::from_parts(sheet, 0, 0, delay)).map_err(failed)?;
    }
    drop(encoder);
    Ok(gif)
}

fn canvas(rows: &Rows, size_px: usize) -> RgbImage {
    let side = size_px as u32;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let (width, height) = ((side + GAP) * columns, (side + GAP) * rows.len() as u32);
    let mut canvas = RgbImage::from_pixel(width.max(1), height.max(1), image::Rgb([255; 3]));
    for (y, row) in rows.iter().enumerate() {
        for (x, tile) in row.iter().enumerate() {
            if let Some(tile) = RgbImage::from_raw(side, side, tile.to_vec()) {
                let place = |at: usize| i64::from(at as u32 * (side + GAP) + GAP / 2);
                imageops::replace(&mut canvas, &tile, place(x), place(y));
            }
        }
    }
    canvas
}

#[cfg(test)]
mod tests {
    use image::{AnimationDecoder, codecs::gif::GifDecoder};

    use super::{animation, grid};

    #[test]
    fn sheets_have_their_tiles_where_they_belong() {
        let (red, blue) = ([200, 0, 0].repeat(64), [0, 0, 200].repeat(64));
        let rows = vec![vec![&red[..], &blue[..]], vec![&blue[..]]];
        let sheet = image::load_from_memory(&grid(&rows, 8).unwrap()).unwrap().to_rgb8();
        assert_eq!(sheet.dimensions(), (20, 20));
        let at = |x, y| sheet.get_pixel(x, y).0;
        assert_eq!([at(5, 5), at(15, 5), at(5, 15)], [[200, 0, 0], [0, 0, 200], [0, 0, 200]]);
        assert_eq!(at(15, 15), [255; 3]);
        let gif = animation(&[rows.clone(), rows], 8, 2.0).unwrap();
        let frames = GifDecoder::new(std::io::Cursor::new(gif)).unwrap().into_frames();
        let delays: Vec<_> = frames.map(|frame| frame.unwrap().delay().numer_denom_ms()).collect();
        assert_eq!(delays, [(500, 1), (500, 1)]);
    }
}
