//! What an evaluation says at its end: the table, the clips without numbers, where the report is.

use std::path::Path;

use ffrun_reports::table;
use serde_json::json;

use crate::{
    cli::args::Global,
    eval::{Clip, Measured, Outcome, Report, status},
};

/// Failed clips that are printed; all are in `clips.csv`.
const PRINTED: usize = 10;

/// Prints the end of a run to stdout.
pub(super) fn print(measured: &Measured, report: &Report, page: &Path, global: &Global) {
    if global.json {
        measured.clips.iter().for_each(print_clip);
        let done = measured.scored(None).count();
        let line = json!({ "v": 1, "event": "report", "clips": measured.clips.len(),
            "measured": done, "failed": measured.failures().count(), "page": page });
        println!("{line}");
        return;
    }
    if global.quiet > 1 {
        return;
    }
    if global.quiet == 0 {
        let color = console::colors_enabled();
        let width = usize::from(console::Term::stdout().size().1).max(80);
        if let Ok(text) = table::terminal_table(&report.table, &report.results, width, color) {
            println!("{text}");
        }
    }
    for (row, reason) in measured.failures().take(PRINTED) {
        println!("failed  line {}, {}, {}: {reason}", row.line, row.method, row.video);
    }
    let more = measured.failures().count().saturating_sub(PRINTED);
    if more > 0 {
        println!("and {more} more, listed in clips.csv");
    }
    println!("{}", status(measured));
    println!("report: {}", page.display());
}

fn print_clip(clip: &Clip) {
    let row = &clip.row;
    let (state, reason, values) = match &clip.outcome {
        Outcome::Measured(scored) => ("measured", None, Some(&scored.values)),
        Outcome::Failed(reason) => ("failed", Some(reason), None),
        Outcome::Waiting => ("waiting", None, None),
    };
    let line = json!({ "v": 1, "event": "clip", "line": row.line, "method": row.method,
        "identity": row.identity, "video": row.video, "state": state, "reason": reason,
        "values": values });
    println!("{line}");
}
