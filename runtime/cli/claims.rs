//! `ffrun claims`: the verdicts, from what the store holds.

use std::process::ExitCode;

use ffrun_reports::sheet::{Claim, Verdict};

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    laboratory::Laboratory,
    report, summary,
};

/// Runs the verb.
pub(super) fn claims(
    args: &args::Claims,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let lab = Laboratory::open(&args.experiment, settings)?;
    let experiment = lab.load()?;
    let results = lab.reader.gather(&experiment, &lab.store)?;
    let claims = experiment.claims(&results)?;
    let code = exit_code(&claims, args.strict);
    let written = report::Written { results, items: Vec::new(), claims };
    summary::print(&lab, &experiment, &written, global);
    Ok(ExitCode::from(code))
}

/// 4 if a claim is contradicted and that was asked to matter.
pub(super) fn exit_code(claims: &[Claim], strict: bool) -> u8 {
    let contradicted = claims.iter().any(|claim| claim.verdict == Verdict::Contradicted);
    if strict && contradicted { 4 } else { 0 }
}
