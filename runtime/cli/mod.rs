//! The command line: from words to verbs, from results to exit codes.

pub mod args;
mod checkout;
mod claims;
mod comparison;
mod completions;
mod config;
mod costs;
mod data;
mod definitions;
mod doctor;
mod environment;
pub mod eval;
mod exit;
mod films;
mod labels;
mod laboratory;
mod live;
mod machine;
mod maintenance;
mod manifest;
mod memory;
mod opened;
mod pictures;
mod plan;
mod publish;
mod report;
mod results;
mod run;
mod selfcheck;
mod signals;
mod stage;
mod status;
mod summary;
mod tensorboard;
mod trainings;
mod watch;
mod weights;
mod why;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Color, Data, Verb};
use config::Settings;
use exit::Exit;

/// Runs the program on these words and gives its exit code.
pub fn main(words: Vec<String>) -> ExitCode {
    let cli = match Cli::try_parse_from(args::with_default_verb(words)) {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout with code 0, mistakes to stderr with 2.
            let code = error.exit_code();
            return if error.print().is_ok() {
                ExitCode::from(code as u8)
            } else {
                ExitCode::from(2)
            };
        }
    };
    let json = cli.global.json;
    choose_color(cli.global.color);
    match dispatch(cli) {
        Ok(code) => code,
        Err(exit) => exit.report(json),
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Exit> {
    let settings = Settings::load(&cli.global)?;
    let global = cli.global;
    match cli.verb {
        Verb::Run(args) => run::run(&args, &global, &settings),
        Verb::Plan(args) => plan::plan(&args, &global, &settings),
        Verb::Why(args) => why::why(&args, &global, &settings),
        Verb::Status(args) => status::status(&args, &global, &settings),
        Verb::Report(args) => report::report(&args, &global, &settings),
        Verb::Publish(args) => publish::publish(&args, &global, &settings),
        Verb::Claims(args) => claims::claims(&args, &global, &settings),
        Verb::Stage(args) => stage::stage(&args, &settings),
        Verb::Selfcheck(args) => selfcheck::selfcheck(&args, &global, &settings),
        Verb::Eval(args) => eval::eval(&args, &global, &settings),
        Verb::Data(Data::Export(args)) => data::export(&args, &global),
        Verb::Data(Data::Preview { out, size, world }) => data::preview(&out, size, world),
        Verb::Weights(args) => weights::weights(&args, &global, &settings),
        Verb::Fsck(args) => maintenance::fsck(args, &global, &settings),
        Verb::Gc(args) => maintenance::gc(args, &global, &settings),
        Verb::Doctor => Ok(doctor::doctor(&global, &settings)),
        Verb::Completions { shell } => Ok(completions::completions(shell)),
        Verb::Definitions { out, check } => definitions::definitions(&out, check),
    }
}

/// `--color`, else `NO_COLOR`, else whether the stream is a terminal (decided by each library).
fn choose_color(color: Option<Color>) {
    let wanted = match color.unwrap_or(Color::Auto) {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if environment::no_color() => false,
        Color::Auto => return,
    };
    indicatif_color(wanted);
    let theme = if wanted {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    };
    // A hook can be set once per process, and this is the only place that sets it.
    let _ = miette::set_hook(Box::new(move |_| {
        Box::new(miette::MietteHandlerOpts::new().graphical_theme(theme.clone()).build())
    }));
}

fn indicatif_color(wanted: bool) {
    console::set_colors_enabled(wanted);
    console::set_colors_enabled_stderr(wanted);
}
