//! Which networks look: those in the user's folder, or those that ship.

use super::args::{Eval, Face};
use crate::{
    cli::{config::Settings, exit::Exit},
    eval::{Sight, brought, in_world},
    vision::{Choice, Options, Shelf, VisionError},
};

/// The networks of the command line.
pub(super) fn sight(args: &Eval, settings: &Settings) -> Result<Sight, Exit> {
    if args.in_world {
        return Ok(in_world());
    }
    let folder = args.weights.as_ref().or(settings.weights.as_ref());
    let choice = match args.face {
        Face::Largest => Choice::Largest,
        Face::BestMatch => Choice::BestMatch,
    };
    Shelf::open(folder.map(std::path::PathBuf::as_path))
        .and_then(|shelf| shelf.networks(&args.networks))
        .and_then(|networks| brought(networks, Options { choice, ..Options::default() }))
        .map_err(refused)
}

/// A name that is wrong is the command line's fault (2), a file that is missing the machine's (6).
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn refused(error: VisionError) -> Exit {
    let code = match error {
        VisionError::UnknownNetwork { .. } | VisionError::TwoOf { .. } => 2,
        _ => 6,
    };
    Exit::Plain { message: error.to_string(), code }
}
