//! The `ffrun` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ffrun::cli::main(std::env::args().collect())
}
