//! The CPU kernels: products over tiles of output rows whose patches fit the cache.

use rayon::prelude::*;

use super::super::gemm::{Former, Matrix, MatrixMut, multiply};
use super::super::lanes::{add, sum, vectorized};
use super::columns::{Part, gather, scatter};
use super::geometry::Geometry;
use super::split::{Split, Task, passes, rows_per_tile};

/// Sums of weight gradients, each over its share of the films: a constant, so that the order of
/// additions does not depend on the threads.
const PARTIAL_SUMS: usize = 8;

/// The output, by frame, channel and pixel.
pub(super) fn forward(
    geometry: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let mut y = vec![0.0; geometry.out_values()];
    let split = Split::new(geometry);
    let tasks = split.deal(geometry, &mut y);
    tasks.into_par_iter().enumerate().for_each_init(Scratch::default, |scratch, (at, pieces)| {
        let task = split.task(geometry, at);
        let pixels = task.pixels(geometry);
        compute(geometry, (x, weight), &task, scratch);
        for piece in pieces {
            let values = &scratch.product[piece.start..][..piece.values.len()];
            match bias {
                None => piece.values.copy_from_slice(values),
                Some(bias) => {
                    let shift = bias[task.channels.start + piece.start / pixels];
                    let pairs = piece.values.iter_mut().zip(values);
                    pairs.for_each(|(target, value)| *target = value + shift);
                }
            }
        }
    });
    y
}

/// Buffers that a thread keeps from task to task.
#[derive(Default)]
struct Scratch {
    columns: Vec<f32>,
    product: Vec<f32>,
}

/// `scratch.product` = weight · columns of a task.
fn compute(geometry: &Geometry, (x, weight): (&[f32], &[f32]), task: &Task, scratch: &mut Scratch) {
    let (depth, outputs, pixels) = (geometry.depth(), task.channels.len(), task.pixels(geometry));
    let [height, width] = geometry.out_size;
    let seen = |frame: usize| &x[geometry.first_seen(frame, task.group)..];
    let weight = &weight[task.channels.start * depth..];
    let Scratch { columns, product } = scratch;
    product.resize(outputs * pixels, 0.0);
    if geometry.is_pointwise() && task.frames(height).count() == 1 {
        let values = &seen(task.rows.start / height)[task.rows.start % height * width..];
        let right = Matrix::strided(values, depth, pixels, height * width);
        let target = MatrixMut::new(product, outputs, pixels);
        let left = Matrix::new(weight, outputs, depth);
        return multiply(target, Former::Overwrite, 1.0, left, right);
    }
    for entries in passes(geometry) {
        columns.resize(entries.len() * pixels, 0.0);
        for (frame, rows) in task.frames(height) {
            let start = (frame * height + rows.start - task.rows.start) * width;
            let part = Part { entries: entries.clone(), rows, width: pixels, start };
            gather(geometry, seen(frame), columns, &part);
        }
        let former = if entries.start == 0 { Former::Overwrite } else { Former::Add };
        let left = Matrix::strided(&weight[entries.start..], outputs, entries.len(), depth);
        let right = Matrix::new(columns, entries.len(), pixels);
        multiply(MatrixMut::new(product, outputs, pixels), former, 1.0, left, right);
    }
}

/// Operands of the backward pass: input, weight, gradient of the output.
#[derive(Clone, Copy)]
pub(super) struct Saved<'a> {
    pub(super) x: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) grad: &'a [f32],
}

/// The gradients in input and weight, as far as wanted.
pub(super) fn backward(
    geometry: &Geometry,
    saved: Saved,
    [want_x, want_weight]: [bool; 2],
) -> [Option<Vec<f32>>; 2] {
    let film = geometry.film_values();
    let share = geometry.batch.div_ceil(PARTIAL_SUMS).max(1);
    let mut in_x = vec![0.0; if want_x { geometry.batch * film } else { 0 }];
    let mut parts: Vec<Option<&mut [f32]>> =
        in_x.chunks_mut((share * film).max(1)).map(Some).collect();
    parts.resize_with(geometry.batch.div_ceil(share), || None);
    let sums: Vec<Vec<f32>> = parts
        .into_par_iter()
        .enumerate()
        .map(|(at, mut in_x)| {
            let mut in_weight = vec![0.0; if want_weight { saved.weight.len() } else { 0 }];
            for (within, at) in (at * share..geometry.batch.min((at + 1) * share)).enumerate() {
                let in_x = in_x.as_mut().map(|values| &mut values[within * film..][..film]);
                of_film(geometry, saved, at, (in_x, &mut in_weight));
            }
            in_weight
        })
        .collect();
    let total = sums.into_iter().reduce(|mut total, sum| {
        vectorized(
            #[inline(always)]
            || add(&mut total, &sum),
        );
        total
    });
    [want_x.then_some(in_x), total.filter(|_| want_weight)]
}

/// Adds the gradient in one film, and that in the weight unless it is empty.
fn of_film(
    geometry: &Geometry,
    saved: Saved,
    film: usize,
    (mut in_x, in_weight): (Option<&mut [f32]>, &mut [f32]),
) {
    let [height, width] = geometry.out_size;
    let (first, mut columns) = (film * geometry.film_values(), vec![]);
    for frame in film * geometry.out_frames..(film + 1) * geometry.out_frames {
        for group in 0..geometry.conv.groups {
            for start in (0..height).step_by(rows_per_tile(geometry)) {
                let rows = start..(start + rows_per_tile(geometry)).min(height);
                let pixels = rows.len() * width;
                for entries in passes(geometry) {
                    columns.resize(entries.len() * pixels, 0.0);
                    let (rows, width) = (rows.clone(), pixels);
                    let tile = Tile {
                        geometry,
                        saved,
                        frame,
                        group,
                        part: Part { entries, rows, width, start: 0 },
                    };
                    if !in_weight.is_empty() {
                        tile.add_weight_gradient(in_weight, &mut columns);
                    }
                    if let Some(in_x) = in_x.as_deref_mut() {
                        let seen = geometry.first_seen(frame, group) - first;
                        tile.add_input_gradient(&mut in_x[seen..], &mut columns);
                    }
                }
            }
        }
    }
}

/// Some rows of one group of an output frame under some entries of the kernel.
struct Tile<'a> {
    geometry: &'a Geometry,
    saved: Saved<'a>,
    frame: usize,
    group: usize,
    part: Part,
}

impl<'a> Tile<'a> {
    /// The gradient of the output, outputs × pixels.
    fn grad(&self) -> Matrix<'a> {
        let Geometry { outputs, out_size: [_, width], conv, .. } = *self.geometry;
        let pixels = self.geometry.out_pixels();
        let channel = (self.frame * conv.groups + self.group) * outputs;
        let values = &self.saved.grad[channel * pixels + self.part.rows.start * width..];
        Matrix::strided(values, outputs, self.part.width, pixels)
    }

    /// Where the group's weights for the first entry lie.
    fn first_weight(&self) -> usize {
        self.group * self.geometry.outputs * self.geometry.depth() + self.part.entries.start
    }

    /// ∂/∂W += g · columnsᵀ.
    fn add_weight_gradient(&self, in_weight: &mut [f32], columns: &mut [f32]) {
        let Geometry { outputs, .. } = *self.geometry;
        let (entries, depth) = (self.part.entries.len(), self.geometry.depth());
        let seen = &self.saved.x[self.geometry.first_seen(self.frame, self.group)..];
        gather(self.geometry, seen, columns, &self.part);
        let target = &mut in_weight[self.first_weight()..];
        let target = MatrixMut::strided(target, outputs, entries, depth);
        let right = Matrix::new(columns, entries, self.part.width).t();
        multiply(target, Former::Add, 1.0, self.grad(), right);
    }

    /// ∂/∂columns = Wᵀ · g, added to the values each came from.
    fn add_input_gradient(&self, seen: &mut [f32], columns: &mut [f32]) {
        let (entries, depth) = (self.part.entries.len(), self.geometry.depth());
        let weight = &self.saved.weight[self.first_weight()..];
        let left = Matrix::strided(weight, self.geometry.outputs, entries, depth).t();
        let target = MatrixMut::new(columns, entries, self.part.width);
        multiply(target, Former::Overwrite, 1.0, left, self.grad());
        scatter(self.geometry, seen, columns, &self.part);
    }
}

/// The gradient in the bias: the sum over frames and pixels.
pub(super) fn bias_gradient(geometry: &Geometry, grad: &[f32]) -> Vec<f32> {
    let outputs = geometry.conv.groups * geometry.outputs;
    let pixels = geometry.out_pixels();
    let of_channel = |channel: usize| {
        vectorized(
            #[inline(always)]
            || {
                (0..geometry.all_frames())
                    .map(|frame| sum(&grad[(frame * outputs + channel) * pixels..][..pixels]))
                    .sum()
            },
        )
    };
    (0..outputs).into_par_iter().map(of_channel).collect()
}
