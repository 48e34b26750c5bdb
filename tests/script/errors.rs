//! Every diagnostic word for word: the cases are in `errors.txt`.

use ffrun::script::{Diagnostic, Experiment};

use super::contract::{HEAD, TRIAL, nothing_measured, options};

/// The text that a case stands for.
fn script(kind: &str, body: &str) -> String {
    match kind {
        "run" => format!("{HEAD}fn run(trial) {{\n    {body}\n    {TRIAL}\n}}\n"),
        "plus" => format!("{HEAD}fn run(trial) {{\n    {TRIAL}\n}}\n{body}\n"),
        "raw" => body.to_owned(),
        other => panic!("errors.txt: unknown kind `{other}`"),
    }
}

fn shown(diagnostic: &Diagnostic) -> String {
    let (file, line, column) = diagnostic.location().unwrap_or(("-", 0, 0));
    let hint = diagnostic.remedy().map(|hint| format!("\n> hint: {hint}"));
    let message = diagnostic.message();
    format!("> {file}:{line}:{column}: {message}{}", hint.unwrap_or_default())
}

/// Reads, reports and judges a script; the first error, if any.
fn outcome(text: &str) -> String {
    let tried = Experiment::read("case.rhai", text, &options()).and_then(|experiment| {
        let results = nothing_measured(&experiment);
        experiment.report(&results)?;
        experiment.claims(&results)
    });
    tried.map_or_else(|diagnostic| shown(&diagnostic), |_| "no error".to_owned())
}

#[test]
fn errors_read_as_written() {
    let cases = include_str!("errors.txt").split("\n--- ").skip(1);
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases {
        let (kind, rest) = case.split_once('\n').expect("a case has lines");
        let lines = rest.trim_end().lines();
        let (expected, body): (Vec<&str>, Vec<&str>) =
            lines.partition(|line| line.starts_with("> "));
        let (body, expected) = (body.join("\n"), expected.join("\n"));
        let found = outcome(&script(kind, &body));
        if found != expected {
            wrong.push(format!("{body}\nexpected\n{expected}\nfound\n{found}\n"));
        }
        count += 1;
    }
    assert!(count > 60, "errors.txt holds only {count} cases");
    assert!(wrong.is_empty(), "{} of {count} differ:\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_error_inside_the_stdlib_shows_its_own_line_and_the_call() {
    let text = script("run", "let m = heads::split(\"trin\");");
    let error = Experiment::read("case.rhai", &text, &options()).err().expect("an error");
    let mut page = String::new();
    miette::NarratableReportHandler::new().render_report(&mut page, &*error).expect("renders");
    assert!(page.contains("unknown split `trin`"), "{page}");
    assert!(page.contains("Begin snippet for stdlib/heads.rhai"), "{page}");
    assert!(page.contains("while `split` ran"), "{page}");
    assert!(page.contains("Begin snippet for case.rhai"), "{page}");
    assert!(page.contains("diagnostic code: script::setting"), "{page}");
}
