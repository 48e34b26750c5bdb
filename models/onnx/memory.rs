//! Which activations share memory: none that are needed at the same time.

use super::step::Step;

/// Most values of all activations together: half a GiB.
const MOST_VALUES: usize = 1 << 27;

/// Where each buffer lies.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The slot of each buffer.
    pub(super) slots: Vec<usize>,
    /// Values of each slot.
    pub(super) lengths: Vec<usize>,
}

impl Plan {
    /// Gives each buffer, of `lengths` values, a slot. Those in `kept` are needed to the end. None
    /// when they need more memory than anything should.
    pub(super) fn new(steps: &[Step], lengths: &[usize], kept: &[usize]) -> Option<Self> {
        let mut last = vec![0; lengths.len()];
        for (at, step) in steps.iter().enumerate() {
            for &buffer in step.inputs.iter().chain([&step.output]) {
                last[buffer] = at;
            }
        }
        for &buffer in kept {
            last[buffer] = steps.len();
        }
        let mut plan = Self { slots: vec![usize::MAX; lengths.len()], lengths: vec![] };
        let mut free: Vec<usize> = vec![];
        // Buffer 0 is the input of the network, written before any step.
        plan.give(0, lengths, &mut free);
        for (at, step) in steps.iter().enumerate() {
            if plan.slots[step.output] == usize::MAX {
                plan.give(step.output, lengths, &mut free);
            }
            // After the output was placed: nothing is overwritten while it is read.
            let mut done: Vec<usize> = step
                .inputs
                .iter()
                .chain([&step.output])
                .copied()
                .filter(|&b| last[b] == at)
                .collect();
            done.sort_unstable();
            done.dedup();
            free.extend(done.into_iter().map(|buffer| plan.slots[buffer]));
        }
        (plan.lengths.iter().sum::<usize>() <= MOST_VALUES).then_some(plan)
    }

    /// The free slot that fits best, or a new one.
    fn give(&mut self, buffer: usize, lengths: &[usize], free: &mut Vec<usize>) {
        let wanted = lengths[buffer];
        let wasted = |slot: usize| self.lengths[slot].abs_diff(wanted);
        let best = (0..free.len()).min_by_key(|&at| wasted(free[at]));
        let slot = if let Some(at) = best {
            free.swap_remove(at)
        } else {
            self.lengths.push(0);
            self.lengths.len() - 1
        };
        self.lengths[slot] = self.lengths[slot].max(wanted);
        self.slots[buffer] = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;
    use crate::onnx::step::{Operation, Step};

    #[test]
    fn what_is_done_with_makes_room_and_what_is_read_stays() {
        let copy = |input: usize, output: usize| Step {
            operation: Operation::Copy,
            elements: vec![],
            inputs: vec![input],
            output,
            channels: 1,
        };
        let steps = [copy(0, 1), copy(1, 2), copy(2, 3), copy(3, 4)];
        let plan = Plan::new(&steps, &[10, 20, 10, 20, 10], &[4]).unwrap();
        assert_eq!(plan.lengths.len(), 2);
        for step in &steps {
            assert_ne!(plan.slots[step.inputs[0]], plan.slots[step.output]);
        }
        assert!(Plan::new(&steps, &[10, 20, 1 << 27, 20, 10], &[4]).is_none());
    }
}
