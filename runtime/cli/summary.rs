//! What a run says at its end: the table, the verdicts, where the report is.

use ffrun_reports::{
    sheet::{Claim, Item, Verdict},
    table,
};
use serde_json::json;

use super::{
    args::Global,
    claims,
    exit::Exit,
    laboratory::{Laboratory, shown},
    opened::Opened,
    report::{self, Written},
};
use crate::script::Experiment;

/// Writes every report a last time and says how it stands: one experiment with its tables, several
/// in a line each. Gives the exit code: 4 if a claim is contradicted and that was asked to matter.
pub(super) fn conclude(opened: &[Opened], strict: bool, global: &Global) -> Result<u8, Exit> {
    let mut code = 0;
    let mut told = Vec::new();
    for Opened { lab, experiment } in opened {
        let written = report::write(lab, experiment, None)?;
        code = claims::exit_code(&written.claims, strict).max(code);
        told.push((lab, experiment, written));
    }
    if let [(lab, experiment, written)] = told.as_slice() {
        print(lab, experiment, written, global);
        return Ok(code);
    }
    let widest = opened.iter().map(|one| one.experiment.name.len()).max().unwrap_or(0);
    for (lab, experiment, written) in &told {
        if global.json {
            print_json(lab, experiment, written);
        } else if global.quiet < 2 {
            let (finished, planned) = (written.results.finished, written.results.planned);
            let verdicts = verdicts(&written.claims);
            println!("{:widest$}  {finished:>4} of {planned} trials  {verdicts}", experiment.name);
        }
    }
    if !global.json && global.quiet < 2 {
        println!("reports: {}", shown(&ffrun_reports::index_page(&opened[0].lab.runs)));
    }
    Ok(code)
}

/// `3 reproduced, 1 contradicted`; nothing where nothing is claimed.
pub(super) fn verdicts(claims: &[Claim]) -> String {
    let kinds = [Verdict::Reproduced, Verdict::Contradicted, Verdict::Inconclusive];
    let count = |kind| claims.iter().filter(|claim| claim.verdict == kind).count();
    let named = kinds.map(|kind| (count(kind), badge(kind).to_string()));
    let named = named.iter().filter(|(count, _)| *count > 0);
    named.map(|(count, name)| format!("{count} {}", name.trim_end())).collect::<Vec<_>>().join(", ")
}

/// Prints the summary of one experiment to stdout.
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
            let (item, results) = match item {
                Item::Own(own, item) => (item.as_ref(), own.as_ref()),
                item => (item, &written.results),
            };
            if let Item::Table(spec) = item
                && let Ok(text) = table::terminal_table(spec, results, width, color)
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
