//! Bilinear resizing of activations.

/// What one output row or column is mixed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix {
    pub(super) places: [usize; 2],
    /// Share of the second place.
    pub(super) share: f32,
}

/// A bilinear resizing, channels innermost.
#[derive(Clone, Debug)]
pub(super) struct Resize {
    /// Height and width of the input.
    pub(super) size: [usize; 2],
    pub(super) channels: usize,
    pub(super) rows: Vec<Mix>,
    pub(super) columns: Vec<Mix>,
}

impl Resize {
    /// Resizes all pictures of `x`.
    pub(super) fn run(&self, x: &[f32], y: &mut [f32]) {
        let Self { size, channels, .. } = *self;
        let picture = size[0] * size[1] * channels;
        let lines = self.rows.len().max(1);
        for (at, line) in y.chunks_exact_mut(self.columns.len() * channels).enumerate() {
            let x = &x[at / lines * picture..][..picture];
            let row = self.rows[at % lines];
            let pixel =
                |row: usize, column: usize| &x[(row * size[1] + column) * channels..][..channels];
            for (column, target) in self.columns.iter().zip(line.chunks_exact_mut(channels)) {
                let corners = row.places.map(|row| column.places.map(|column| pixel(row, column)));
                for (channel, y) in target.iter_mut().enumerate() {
                    let [above, below] = corners.map(|[left, right]| {
                        left[channel] + (right[channel] - left[channel]) * column.share
                    });
                    *y = above + (below - above) * row.share;
                }
            }
        }
    }
}
