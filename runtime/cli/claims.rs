//! `ffrun claims`: the verdicts, from what the store holds.

use std::process::ExitCode;

use ffrun_reports::sheet::{Claim, Verdict};

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    opened::Opened,
    report, summary,
};

/// Runs the verb.
pub(super) fn claims(
    args: &args::Claims,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let mut code = 0;
    for Opened { lab, experiment } in Opened::each(&args.experiment, settings)? {
        let results = lab.reader.gather(&experiment, &lab.store)?;
        let claims = experiment.claims(&results)?;
        code = exit_code(&claims, args.strict).max(code);
        let written = report::Written { results, items: Vec::new(), claims };
        summary::print(&lab, &experiment, &written, global);
    }
    Ok(ExitCode::from(code))
}

/// 4 if a claim is contradicted and that was asked to matter.
pub(super) fn exit_code(claims: &[Claim], strict: bool) -> u8 {
    let contradicted = claims.iter().any(|claim| claim.verdict == Verdict::Contradicted);
    if strict && contradicted { 4 } else { 0 }
}
