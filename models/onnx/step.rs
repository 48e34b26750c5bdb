//! One operation of a network, ready to run.

use super::convolution::Convolution;
use super::dense::{Dense, Pixels};
use super::depthwise::Depthwise;
use super::element::{Element, apply_to_pixels};
use super::gather::Gather;
use super::pool::Pool;
use super::product::Product;
use super::reduce::Reduce;
use super::resize::Resize;

/// What is computed.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Convolution(Convolution),
    /// The first input.
    Copy,
    /// Numbers known ahead.
    Constant(Vec<f32>),
    /// Each row of the first input times a matrix; where its values begin.
    Dense(Dense, Vec<u32>),
    Depthwise(Depthwise),
    Gather(Gather),
    Pool(Pool),
    Product(Product),
    Reduce(Reduce),
    Resize(Resize),
}

/// One operation, what follows on its values, and the buffers it reads and writes.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) operation: Operation,
    /// What happens to each value right after it was computed.
    pub(super) elements: Vec<Element>,
    /// Buffers that are read.
    pub(super) inputs: Vec<usize>,
    /// The buffer that is written.
    pub(super) output: usize,
    /// Neighbours of a pixel of the output.
    pub(super) channels: usize,
}

impl Step {
    /// Values it needs beside its buffers.
    pub(super) fn scratch(&self) -> usize {
        match &self.operation {
            Operation::Convolution(convolution) => convolution.scratch(),
            _ => 0,
        }
    }

    /// Computes the output.
    pub(super) fn run(&self, inputs: &[&[f32]], y: &mut [f32], scratch: &mut [f32]) {
        let follows = (self.elements.as_slice(), inputs);
        let x = inputs.first().copied().unwrap_or_default();
        match &self.operation {
            Operation::Convolution(convolution) => {
                let scratch = &mut scratch[..convolution.scratch()];
                return convolution.run((x, scratch), y, follows);
            }
            Operation::Dense(dense, bases) => {
                let pixels = Pixels { bases, first: 0, stride: self.channels, channel: 0 };
                return dense.run((x, pixels), y, follows);
            }
            Operation::Depthwise(depthwise) => return depthwise.run(x, y, follows),
            Operation::Copy => y.copy_from_slice(x),
            Operation::Constant(values) => y.copy_from_slice(values),
            Operation::Gather(gather) => gather.run(inputs, y),
            Operation::Pool(pool) => pool.run(x, y),
            Operation::Product(product) => product.run(inputs, y),
            Operation::Reduce(reduce) => reduce.run(x, y),
            Operation::Resize(resize) => resize.run(x, y),
        }
        apply_to_pixels(&self.elements, y, (0, self.channels), inputs);
    }
}
