//! Cuts the rectangle of a face out of a frame.

use ffrun_models::eval::picture::Picture;

use super::error::VisionResult;

/// The box `edges` enlarged by `factor` about its middle, in whole pixels, as far as it lies in
/// the frame; none if no pixel of it does.
pub(super) fn enlarged(
    frame: &Picture,
    edges: [f32; 4],
    factor: f32,
) -> VisionResult<Option<Picture>> {
    let [height, width] = frame.size();
    let [left, top, right, bottom] = edges;
    let more = (factor - 1.0) / 2.0;
    let (wider, taller) = ((right - left) * more, (bottom - top) * more);
    let place = |x: f32, most: usize| x.round().clamp(0.0, most as f32) as usize;
    let columns = place(left - wider, width)..place(right + wider, width);
    let rows = place(top - taller, height)..place(bottom + taller, height);
    if columns.is_empty() || rows.is_empty() {
        return Ok(None);
    }
    let lines = frame.values().chunks_exact(width * 3).skip(rows.start).take(rows.len());
    let values = lines.flat_map(|line| &line[columns.start * 3..columns.end * 3]).copied();
    Ok(Some(Picture::new([rows.len(), columns.len()], values.collect())?))
}

#[cfg(test)]
mod tests {
    use ffrun_models::eval::picture::Picture;

    use super::enlarged;

    #[test]
    fn boxes_grow_about_their_middle_and_stop_at_the_border() {
        let frame = Picture::new([4, 6], (0..72).collect()).unwrap();
        let inside = enlarged(&frame, [2.0, 1.0, 4.0, 3.0], 2.0).unwrap().unwrap();
        assert_eq!((inside.size(), inside.values()[0]), ([4, 4], 3));
        let corner = enlarged(&frame, [4.0, 2.0, 8.0, 6.0], 1.0).unwrap().unwrap();
        assert_eq!((corner.size(), corner.values()[0]), ([2, 2], 48));
        assert!(enlarged(&frame, [7.0, 0.0, 9.0, 2.0], 1.0).unwrap().is_none());
        assert!(enlarged(&frame, [f32::NAN; 4], 1.0).unwrap().is_none());
    }
}
