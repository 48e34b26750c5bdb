//! How long a plan will take, from recorded times.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use serde::Serialize;

/// An estimate of the time until everything is done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Eta {
    /// Seconds for the stages whose time can be estimated.
    pub seconds: f64,
    /// Stages to run of whose kind no time is recorded: with any, `seconds` is a lower bound.
    pub unknown: usize,
}

/// Plays the plan through on `jobs` slots as the executor would: a slot takes the first stage
/// in order whose inputs are done. `seconds[i]` is `None` if stage `i` need not run; `reads[i]`
/// are the stages it reads.
pub(super) fn makespan(seconds: &[Option<f64>], reads: &[Vec<usize>], jobs: usize) -> f64 {
    let mut readers = vec![Vec::new(); seconds.len()];
    let mut missing = vec![0_usize; seconds.len()];
    for (stage, inputs) in reads.iter().enumerate() {
        for input in inputs.iter().filter(|input| seconds[**input].is_some()) {
            readers[*input].push(stage);
            missing[stage] += 1;
        }
    }
    let runs = |stage: &usize| seconds[*stage].is_some() && missing[*stage] == 0;
    let mut ready: BTreeSet<usize> = (0..seconds.len()).filter(runs).collect();
    let mut running = BinaryHeap::new();
    let mut now = 0.0;
    loop {
        while running.len() < jobs.max(1) {
            let Some(stage) = ready.pop_first() else { break };
            let end = Microseconds::of(now + seconds[stage].unwrap_or(0.0));
            running.push(Reverse((end, stage)));
        }
        let Some(Reverse((end, stage))) = running.pop() else { return now };
        now = end.seconds();
        for reader in &readers[stage] {
            missing[*reader] -= 1;
            if missing[*reader] == 0 && seconds[*reader].is_some() {
                ready.insert(*reader);
            }
        }
    }
}

/// Time in a form that can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Microseconds(u64);

impl Microseconds {
    fn of(seconds: f64) -> Self {
        Self((seconds * 1e6) as u64)
    }

    fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_work_side_by_side_and_wait_for_inputs() {
        // 0 → {1, 2, 3} → 4; stage 5 is done and read by 3.
        let seconds = [Some(1.0), Some(4.0), Some(2.0), Some(2.0), Some(0.5), None];
        let reads = [vec![], vec![0], vec![0], vec![0, 5], vec![1, 2, 3], vec![]];
        assert!((makespan(&seconds, &reads, 1) - 9.5).abs() < 1e-5);
        assert!((makespan(&seconds, &reads, 2) - 5.5).abs() < 1e-5);
        assert!((makespan(&seconds, &reads, 9) - 5.5).abs() < 1e-5);
        assert!(makespan(&[None], &[vec![]], 2).abs() < 1e-9);
    }
}
