//! Whether the planned stages fit into memory, said before anything is allocated.

use ffrun_models::wan::MemoryNeed;

use super::{exit::Exit, laboratory::Laboratory, machine::Machine, summary::bytes_text};
use crate::{
    engine::{Plan, graph::Graph},
    stages::needs::{self, Need},
};

/// The largest need among stages that are to run: its kind and what it needs.
fn largest<'a>(graph: &'a Graph, plan: &Plan) -> Option<(&'a str, Need)> {
    let stages = plan.to_run().filter_map(|planned| graph.stage(&planned.key));
    stages
        .filter_map(|stage| Some((stage.kind.as_str(), needs::of(graph, stage)?)))
        .max_by_key(|(_, need)| need.memory.total())
}

/// Refuses a plan with a stage that cannot fit: exit code 6.
///
/// On the CPU that is a stage larger than the machine's memory. What a GPU holds is known only to
/// its driver, so there the need is printed by [`print`] and nothing is refused.
pub(super) fn check(lab: &Laboratory, graph: &Graph, plan: &Plan) -> Result<(), Exit> {
    let on_cpu = lab.devices.iter().all(|device| device == "cpu");
    let available = Machine::here().memory_mib << 20;
    let Some((kind, Need { memory: need, remedy })) = largest(graph, plan) else {
        return Ok(());
    };
    if !on_cpu || available == 0 || need.total() <= available {
        return Ok(());
    }
    Err(Exit::Plain {
        code: 6,
        message: format!(
            "a `{kind}` stage needs about {}, but this machine has {}: {}; {remedy}",
            bytes_text(need.total()),
            bytes_text(available),
            parts(&need)
        ),
    })
}

/// Prints what the largest stage needs, and at the scale `paper` what the paper's own generators do.
pub(super) fn print(graph: &Graph, plan: &Plan, scale: &str) {
    if let Some((kind, Need { memory: need, .. })) = largest(graph, plan) {
        println!(
            "memory: about {} for a `{kind}` stage ({})",
            bytes_text(need.total()),
            parts(&need)
        );
    }
    if scale != "paper" {
        return;
    }
    println!("\nThe paper's generators at 480 x 832, 81 frames, one reference, BF16:");
    for (name, need) in needs::of_the_paper() {
        println!("  {name:<40} {:>9}  ({})", bytes_text(need.total()), parts(&need));
    }
}

/// The parts of a need that are not zero, the largest first.
fn parts(need: &MemoryNeed) -> String {
    let mut parts = [
        ("weights", need.weights),
        ("gradients", need.gradients),
        ("optimiser", need.optimiser),
        ("activations", need.activations),
        ("attention", need.attention),
    ];
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let shown = parts.iter().filter(|(_, bytes)| *bytes > 0);
    let shown: Vec<String> =
        shown.map(|(name, bytes)| format!("{name} {}", bytes_text(*bytes))).collect();
    shown.join(", ")
}
