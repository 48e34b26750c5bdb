//! Lays the patches a kernel sees side by side, one column an output pixel, and adds such columns
//! back to the picture.

use std::ops::Range;

use super::geometry::Geometry;

/// Which part of the columns is meant: some rows of them (entries of the kernel, in the order of
/// the weight) by some rows of output pixels of one frame.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Entries of the kernel.
    pub(super) entries: Range<usize>,
    /// Rows of the output frame.
    pub(super) rows: Range<usize>,
    /// Length of a line of columns in memory.
    pub(super) width: usize,
    /// Where in a line the pixels of `rows` begin.
    pub(super) start: usize,
}

/// Writes columns from what one group of an output frame sees.
pub(super) fn gather(geometry: &Geometry, seen: &[f32], columns: &mut [f32], part: &Part) {
    let out_width = geometry.out_size[1];
    for (line, tap) in columns.chunks_exact_mut(part.width).zip(Tap::all(geometry, part)) {
        let wanted = line[part.start..].chunks_exact_mut(out_width);
        for (line, row) in wanted.zip(part.rows.clone()) {
            let Some(source) = tap.source_row(geometry, row) else {
                line.fill(0.0);
                continue;
            };
            let Range { start, end } = tap.inside.clone();
            line[..start].fill(0.0);
            line[end..].fill(0.0);
            if start < end {
                let source = &seen[source][tap.first_column(geometry)..];
                copy(&mut line[start..end], source, geometry.conv.stride);
            }
        }
    }
}

/// Adds columns back to the values they were gathered from.
pub(super) fn scatter(geometry: &Geometry, seen: &mut [f32], columns: &[f32], part: &Part) {
    let out_width = geometry.out_size[1];
    for (line, tap) in columns.chunks_exact(part.width).zip(Tap::all(geometry, part)) {
        if tap.inside.is_empty() {
            continue;
        }
        let wanted = line[part.start..].chunks_exact(out_width);
        for (line, row) in wanted.zip(part.rows.clone()) {
            let Some(target) = tap.source_row(geometry, row) else { continue };
            let target = &mut seen[target][tap.first_column(geometry)..];
            let pixels = target.iter_mut().step_by(geometry.conv.stride);
            for (pixel, x) in pixels.zip(&line[tap.inside.clone()]) {
                *pixel += x;
            }
        }
    }
}

fn copy(target: &mut [f32], source: &[f32], stride: usize) {
    if stride == 1 {
        target.copy_from_slice(&source[..target.len()]);
    } else {
        let pixels = source.iter().step_by(stride);
        target.iter_mut().zip(pixels).for_each(|(target, x)| *target = *x);
    }
}

/// One entry of the kernel on one channel: a line of the columns.
struct Tap {
    channel: usize,
    /// Frame, row and column in the kernel.
    at: [usize; 3],
    /// Output columns at which the tap lies inside the picture.
    inside: Range<usize>,
}

impl Tap {
    /// The taps of a part.
    fn all(geometry: &Geometry, part: &Part) -> impl Iterator<Item = Self> {
        let geometry = *geometry;
        let [kt, kh, kw] = geometry.kernel;
        part.entries.clone().map(move |entry| {
            let at = [entry / (kh * kw) % kt, entry / kw % kh, entry % kw];
            Self { channel: entry / (kt * kh * kw), at, inside: inside(&geometry, at[2]) }
        })
    }

    /// Where the row under output row `row` lies; none in the padding.
    fn source_row(&self, geometry: &Geometry, row: usize) -> Option<Range<usize>> {
        let [height, width] = geometry.size;
        let [frame, ky, _] = self.at;
        let y = (row * geometry.conv.stride + ky).checked_sub(geometry.conv.padding[0])?;
        let start = frame * geometry.frame_values() + (self.channel * height + y) * width;
        (y < height).then(|| start..start + width)
    }

    /// The picture column under the first output column inside.
    fn first_column(&self, geometry: &Geometry) -> usize {
        self.inside.start * geometry.conv.stride + self.at[2] - geometry.conv.padding[2]
    }
}

/// The output columns x for which 0 ≤ x·stride + kx − left < width.
fn inside(geometry: &Geometry, kx: usize) -> Range<usize> {
    let (stride, left, width) = (geometry.conv.stride, geometry.conv.padding[2], geometry.size[1]);
    let start = left.saturating_sub(kx).div_ceil(stride);
    let end = (width + left).saturating_sub(kx).div_ceil(stride).min(geometry.out_size[1]);
    start.min(end)..end
}
