//! `ffrun completions`: shell completions on stdout.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::args::Cli;

/// Runs the verb.
pub(super) fn completions(shell: Shell) -> ExitCode {
    generate(shell, &mut Cli::command(), "ffrun", &mut std::io::stdout());
    ExitCode::SUCCESS
}
