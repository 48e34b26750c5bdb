//! How a convolution is split into tasks: tiles of output rows, and blocks of output channels. A
//! function of the sizes only, so that results do not depend on the threads.

use std::ops::Range;

use super::geometry::Geometry;

/// Output pixels of a tile, at least one row of them.
pub(super) const PIXELS_PER_TILE: usize = 512;
/// Entries of the kernel that are laid out at a time: with a tile's pixels, a megabyte.
const ENTRIES_PER_PASS: usize = 512;
/// Below this many tiles the output channels are split as well, into blocks of this many.
const FEW_TILES: usize = 8;
const CHANNELS_PER_BLOCK: usize = 64;

/// Rows of an output frame that make a tile.
pub(super) fn rows_per_tile(geometry: &Geometry) -> usize {
    (PIXELS_PER_TILE / geometry.out_size[1]).max(1)
}

/// The entries of the kernel, in passes of whole channels.
pub(super) fn passes(geometry: &Geometry) -> impl Iterator<Item = Range<usize>> + Clone {
    let (depth, taps) = (geometry.depth(), geometry.taps());
    let step = (ENTRIES_PER_PASS / taps).max(1) * taps;
    (0..depth).step_by(step).map(move |start| start..(start + step).min(depth))
}

/// Tiles run over the rows of all frames put one below the other; blocks lie within a group.
pub(super) struct Split {
    rows_per_tile: usize,
    tiles: usize,
    channels_per_block: usize,
    blocks_per_group: usize,
    blocks: usize,
}

/// Some output channels of one group, at some rows of all frames.
pub(super) struct Task {
    pub(super) rows: Range<usize>,
    pub(super) group: usize,
    pub(super) channels: Range<usize>,
}

/// A part of one output channel, and where its values begin in its task's product.
pub(super) struct Piece<'a> {
    pub(super) start: usize,
    pub(super) values: &'a mut [f32],
}

impl Split {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let rows_per_tile = rows_per_tile(geometry);
        let tiles = (geometry.all_frames() * geometry.out_size[0]).div_ceil(rows_per_tile);
        let outputs = geometry.outputs;
        let channels_per_block =
            if tiles < FEW_TILES { outputs.min(CHANNELS_PER_BLOCK) } else { outputs };
        let blocks_per_group = outputs.div_ceil(channels_per_block);
        let blocks = blocks_per_group * geometry.conv.groups;
        Self { rows_per_tile, tiles, channels_per_block, blocks_per_group, blocks }
    }

    /// The task at a place in the list that [`Split::deal`] makes.
    pub(super) fn task(&self, geometry: &Geometry, at: usize) -> Task {
        let (tile, block) = (at / self.blocks, at % self.blocks);
        let (group, within) = (block / self.blocks_per_group, block % self.blocks_per_group);
        let first = within * self.channels_per_block;
        let last = (first + self.channels_per_block).min(geometry.outputs);
        let start = tile * self.rows_per_tile;
        let all_rows = geometry.all_frames() * geometry.out_size[0];
        Task {
            rows: start..(start + self.rows_per_tile).min(all_rows),
            group,
            channels: group * geometry.outputs + first..group * geometry.outputs + last,
        }
    }

    /// The parts of the output that each task fills, by task.
    pub(super) fn deal<'a>(&self, geometry: &Geometry, y: &'a mut [f32]) -> Vec<Vec<Piece<'a>>> {
        let [height, width] = geometry.out_size;
        let outputs = geometry.conv.groups * geometry.outputs;
        let mut tasks: Vec<Vec<Piece>> = vec![];
        tasks.resize_with(self.tiles * self.blocks, Vec::new);
        for (index, mut values) in y.chunks_mut(height * width).enumerate() {
            let (frame, channel) = (index / outputs, index % outputs);
            let (group, within) = (channel / geometry.outputs, channel % geometry.outputs);
            let block = group * self.blocks_per_group + within / self.channels_per_block;
            let mut row = frame * height;
            while !values.is_empty() {
                let at = row / self.rows_per_tile * self.blocks + block;
                let task = self.task(geometry, at);
                let rows = task.rows.end.min((frame + 1) * height) - row;
                let (part, rest) = values.split_at_mut(rows * width);
                let line = (channel - task.channels.start) * task.pixels(geometry);
                let start = line + (row - task.rows.start) * width;
                tasks[at].push(Piece { start, values: part });
                (values, row) = (rest, row + rows);
            }
        }
        tasks
    }
}

impl Task {
    /// Output pixels of the task.
    pub(super) fn pixels(&self, geometry: &Geometry) -> usize {
        self.rows.len() * geometry.out_size[1]
    }

    /// The output frames that the rows lie in, each with its own rows.
    pub(super) fn frames(&self, height: usize) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        (self.rows.start / height..self.rows.end.div_ceil(height)).map(move |frame| {
            let first = frame * height;
            (frame, self.rows.start.max(first) - first..self.rows.end.min(first + height) - first)
        })
    }
}
