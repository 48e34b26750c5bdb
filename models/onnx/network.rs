//! A network ready to run on inputs of one size.

use std::mem;
use std::path::PathBuf;

use super::aligned::Aligned;
use super::array::count;
use super::compile::{Compiled, compile};
use super::error::{OnnxError, OnnxResult};
use super::graph::Graph;
use super::layout::Layout;
use super::memory::Plan;
use super::step::Step;

/// Values of an input.
#[derive(Clone, Copy, Debug)]
pub enum Feed<'a> {
    /// In the order in which the file sees them.
    RowMajor(&'a [f32]),
    /// Pictures with their channels innermost, whatever the file says: rows of pixels.
    ChannelsLast(&'a [f32]),
}

/// A network ready to run, on the calling thread, in memory of its own. The same input gives the
/// same bytes on one machine.
#[derive(Clone, Debug)]
pub struct Network {
    path: PathBuf,
    input: Layout,
    steps: Vec<Step>,
    outputs: Vec<(String, Layout, usize)>,
    names: Vec<String>,
    /// Values of each buffer, and its slot.
    lengths: Vec<usize>,
    slots: Vec<usize>,
    memory: Vec<Aligned>,
    scratch: Aligned,
}

impl Network {
    /// Prepares a graph for an input of these sides and the outputs of these names; all of them
    /// where none is named.
    ///
    /// # Errors
    /// When the network takes other inputs, has no such output, or holds an operation that cannot
    /// be run.
    pub fn new(graph: &Graph, sides: &[usize], outputs: &[&str]) -> OnnxResult<Self> {
        let wanted = &graph.input.1;
        let fits = sides.len() == wanted.len() || wanted.is_empty();
        let fits = fits && wanted.iter().zip(sides).all(|(w, side)| w.is_none_or(|w| w == *side));
        if !fits || count(sides).is_err() || sides.contains(&0) {
            return Err(OnnxError::Input {
                path: graph.path.clone(),
                expected: described(wanted),
                found: format!("{sides:?}"),
            });
        }
        let Compiled { input, steps, lengths, outputs } = compile(graph, sides, outputs)?;
        let kept: Vec<usize> = outputs.iter().map(|(.., buffer)| *buffer).collect();
        let plan = Plan::new(&steps, &lengths, &kept).ok_or_else(|| OnnxError::Input {
            path: graph.path.clone(),
            expected: "smaller pictures".to_owned(),
            found: format!("{sides:?}, for which its activations do not fit into memory"),
        })?;
        let scratch = steps.iter().map(Step::scratch).max().unwrap_or(0);
        Ok(Self {
            path: graph.path.clone(),
            input,
            steps,
            names: outputs.iter().map(|(name, ..)| name.clone()).collect(),
            outputs,
            lengths,
            memory: plan.lengths.iter().map(|&length| Aligned::zeros(length)).collect(),
            slots: plan.slots,
            scratch: Aligned::zeros(scratch),
        })
    }

    /// [`Self::new`] for one picture of three channels and `[height, width]` pixels, wherever the
    /// file wants its channels.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn for_pictures(graph: &Graph, size: [usize; 2], outputs: &[&str]) -> OnnxResult<Self> {
        let [height, width] = size;
        let channels_last = graph.input.1.get(3) == Some(&Some(3)) && graph.input.1[1] != Some(3);
        let sides = if channels_last { [1, height, width, 3] } else { [1, 3, height, width] };
        Self::new(graph, &sides, outputs)
    }

    /// Runs it.
    ///
    /// # Errors
    /// When the input has another number of values than it was prepared for.
    pub fn run(&mut self, feed: Feed) -> OnnxResult<()> {
        let (Feed::RowMajor(values) | Feed::ChannelsLast(values)) = feed;
        if values.len() != self.input.count() {
            return Err(OnnxError::Input {
                path: self.path.clone(),
                expected: format!("{:?}", self.input.dims()),
                found: format!("{} values", values.len()),
            });
        }
        let target = &mut self.memory[self.slots[0]][..values.len()];
        match feed {
            Feed::ChannelsLast(values) => target.copy_from_slice(values),
            Feed::RowMajor(values) => fill(target, &self.input, values),
        }
        for step in &self.steps {
            let slot = self.slots[step.output];
            // Taken out while it is written, so that the others can be read.
            let mut output = mem::take(&mut self.memory[slot]);
            let seen: Vec<&[f32]> = step
                .inputs
                .iter()
                .map(|&buffer| &self.memory[self.slots[buffer]][..self.lengths[buffer]])
                .collect();
            step.run(&seen, &mut output[..self.lengths[step.output]], &mut self.scratch);
            self.memory[slot] = output;
        }
        Ok(())
    }

    /// The sides of an output of the last run and its values, in the order in which the file sees
    /// them.
    ///
    /// # Panics
    /// When there is no output of that number.
    pub fn output(&self, at: usize) -> (&[usize], &[f32]) {
        let (_, layout, buffer) = &self.outputs[at];
        (layout.dims(), &self.memory[self.slots[*buffer]][..self.lengths[*buffer]])
    }

    /// Names of the outputs, in their order.
    pub fn outputs(&self) -> &[String] {
        &self.names
    }
}

/// Values in the file's order, put where they lie in memory.
fn fill(target: &mut [f32], layout: &Layout, values: &[f32]) {
    let (dims, strides) = (layout.dims(), layout.strides());
    let mut place = vec![0; dims.len()];
    let mut at = 0;
    for &value in values {
        target[at] = value;
        for axis in (0..dims.len()).rev() {
            place[axis] += 1;
            at += strides[axis];
            if place[axis] < dims[axis] {
                break;
            }
            at -= strides[axis] * dims[axis];
            place[axis] = 0;
        }
    }
}

fn described(sides: &[Option<usize>]) -> String {
    let side =
        |side: &Option<usize>| side.map_or_else(|| "any".to_owned(), |side| side.to_string());
    format!("sides of [{}]", sides.iter().map(side).collect::<Vec<_>>().join(", "))
}
