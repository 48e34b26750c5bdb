//! What a run says at its end: the table, the verdicts, where the report is.

use ffrun_reports::{
    sheet::{Item, Verdict},
    table,
};
use serde_json::json;

use super::{
    args::Global,
    laboratory::{Laboratory, shown},
    report::Written,
};
use crate::script::Experiment;

/// Prints the summary to stdout.
pub(super) fn print(lab: &Laboratory, experiment: &Experiment, written: &Written, global: &Global) {
    if global.json {
        print_json(lab, experiment, written);
        return;
    }
    if global.quiet > 1 {
        return;
    }
    if global.quiet == 0 {
        let color = console::colors_enabled();
        let width = usize::from(console::Term::stdout().size().1).max(80);
        for item in &written.items {
            if let Item::Table(spec) = item
                && let Ok(text) = table::terminal_table(spec, &written.results, width, color)
            {
                println!("{text}");
            }
        }
        for claim in &written.claims {
            println!("{}  {}", badge(claim.verdict), claim.text);
            println!("              {}", console::style(&claim.evidence).dim());
        }
        if !written.claims.is_empty() {
            println!();
        }
    }
    println!(
        "{}: {} of {} trials measured at scale {}",
        experiment.name, written.results.finished, written.results.planned, experiment.scale
    );
    println!("report: {}", shown(&lab.page(experiment)));
}

fn badge(verdict: Verdict) -> console::StyledObject<&'static str> {
    match verdict {
        Verdict::Reproduced => console::style("reproduced  ").green(),
        Verdict::Contradicted => console::style("contradicted").red(),
        Verdict::Inconclusive => console::style("inconclusive").yellow(),
    }
}

fn print_json(lab: &Laboratory, experiment: &Experiment, written: &Written) {
    for claim in &written.claims {
        println!(
            "{}",
            json!({ "v": 1, "event": "claim", "text": claim.text, "verdict": claim.verdict,
                    "evidence": claim.evidence })
        );
    }
    println!(
        "{}",
        json!({ "v": 1, "event": "report", "experiment": experiment.name, "scale": experiment.scale,
                "finished": written.results.finished, "planned": written.results.planned,
                "page": shown(&lab.page(experiment)) })
    );
}

/// A duration for people: `45 s`, `12 min`, `2 h 05 min`.
pub(super) fn duration_text(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=99 => format!("{whole} s"),
        100..=5999 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A size for people: `812 B`, `3.4 MiB`.
pub(super) fn bytes_text(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::{bytes_text, duration_text};

    #[test]
    fn quantities_read_well() {
        let durations = [0.4, 99.0, 130.0, 7500.0].map(duration_text);
        assert_eq!(durations, ["0 s", "99 s", "2 min", "2 h 05 min"]);
        assert_eq!([812, 3_565_158].map(bytes_text), ["812 B", "3.4 MiB"]);
    }
}
