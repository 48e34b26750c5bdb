//! How to repeat an evaluation, and what it was made with.

use super::args::Eval;
use crate::{
    cli::{machine::Machine, summary::duration_text},
    engine::{Store, host},
    eval::{Plan, Sight},
    video::Ffmpeg,
};

/// Facts for the end of the report page.
pub(super) fn facts(
    args: &Eval,
    (sight, ffmpeg): (&Sight, &Ffmpeg),
    (plan, store): (&Plan, &Store),
) -> Vec<(String, String)> {
    let machine = Machine::here();
    let mut facts = vec![fact("Repeat with", command(args))];
    let networks = sight.digests.iter();
    facts.extend(networks.map(|(name, digest)| fact(&format!("Network {name}"), short(digest))));
    let (mut seconds, mut looked) = (0.0, 0);
    for key in plan.names.keys() {
        if let Ok(Some(record)) = store.entry(key).result() {
            (seconds, looked) = (seconds + record.seconds, looked + 1);
        }
    }
    let looking =
        format!("{looked} clips and references in {}, one after the other", duration_text(seconds));
    facts.push(fact("Looked at", looking));
    facts.extend(ffmpeg.version().map(|version| fact("Films decoded by", version)));
    let cores = format!("{} ({}, {} cores)", machine.cpu, machine.system, machine.cores);
    facts.push(fact("Machine", cores));
    facts.push(fact("ffrun", format!("{} ({})", env!("CARGO_PKG_VERSION"), short(host::digest()))));
    facts
}

fn fact(name: &str, value: String) -> (String, String) {
    (name.to_owned(), value)
}

/// Digits enough to tell files apart.
fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}

fn command(args: &Eval) -> String {
    let mut words = vec![format!("ffrun eval {}", args.list.display())];
    words.extend(args.weights.iter().map(|folder| format!("--weights {}", folder.display())));
    words.extend(args.networks.iter().map(|name| format!("--network {name}")));
    words.extend(args.in_world.then(|| "--in-world".to_owned()));
    let rules = args.rules.of_metrics();
    if rules != crate::metrics::video::Rules::default() {
        words.push(format!("--rules {}", rules.name()));
    }
    words.extend(args.frames.map(|frames| format!("--frames {frames}")));
    if args.face == super::args::Face::BestMatch {
        words.push("--face best-match".to_owned());
    }
    words.extend(args.truth.iter().map(|method| format!("--truth {method}")));
    words.join(" ")
}
