//! `ffrun weights`: the networks that users bring, what is known of them, and whether the files
//! there are the right ones.

use std::path::Path;
use std::process::ExitCode;

use console::style;
use serde_json::{Value, json};

use super::{
    args::{Global, Weights, WeightsVerb},
    config::Settings,
    exit::Exit,
};
use crate::vision::{Card, FaceReader, Shelf, VisionError, sha256_of};

/// Runs the verb.
pub(super) fn weights(
    args: &Weights,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let folder = args.weights.as_deref().or(settings.weights.as_deref());
    let shelf = Shelf::open(folder).map_err(refused)?;
    match &args.verb {
        WeightsVerb::List => Ok(list(&shelf, global.json)),
        WeightsVerb::Check { names } => check(&shelf, names, global.json),
        WeightsVerb::Path { name } => path(&shelf, name.as_deref(), global.json),
    }
}

/// Every card: kind, name, whether the file is there, what the licence allows.
fn list(shelf: &Shelf, as_json: bool) -> ExitCode {
    for card in shelf.cards() {
        let place = shelf.path_of(card);
        if as_json {
            println!("{}", described(card, place.as_deref()));
            continue;
        }
        let state = if place.is_some() { style("there ").green() } else { style("absent").dim() };
        println!("{state}  {:<11}{:<31}{}", card.role.kind(), card.name, use_of(card));
        println!("        {:<11}{}", "", style(&card.description).dim());
        if place.is_none() {
            let file = card.files.first().map_or("", String::as_str);
            println!("        {:<11}{}", "", style(format!("`{file}` from {}", card.source)).dim());
        }
    }
    if !as_json {
        println!("{}", folder_of(shelf));
    }
    ExitCode::SUCCESS
}

/// Digests the files that are there and opens each network. Exit code 6 if one is not what its card
/// says.
fn check(shelf: &Shelf, names: &[String], as_json: bool) -> Result<ExitCode, Exit> {
    let mut cards = vec![];
    for name in names {
        cards.push(shelf.card(name).map_err(refused)?);
    }
    if names.is_empty() {
        cards.extend(shelf.cards().filter(|card| shelf.path_of(card).is_some()));
    }
    let mut all_right = true;
    for card in &cards {
        let checked = checked(shelf, card);
        all_right &= checked.is_ok();
        let (state, text) = match &checked {
            Ok(text) => ("ok", text.clone()),
            Err(error) => ("wrong", error.to_string()),
        };
        if as_json {
            let line = json!({
                "v": 1, "event": "weights", "name": card.name, "state": state, "text": text,
            });
            println!("{line}");
        } else {
            let state = if checked.is_ok() { style("ok   ").green() } else { style("wrong").red() };
            println!("{state}  {:<31}{text}", card.name);
        }
    }
    if cards.is_empty() && !as_json {
        println!("nothing to check: {}", folder_of(shelf));
    }
    Ok(if all_right { ExitCode::SUCCESS } else { ExitCode::from(6) })
}

/// What is found out about one network, or what is wrong with it.
fn checked(shelf: &Shelf, card: &Card) -> Result<String, VisionError> {
    let installed = shelf.installed(card)?;
    let found = sha256_of(&installed.path)?;
    if card.sha256.as_ref().is_some_and(|wanted| *wanted != found) {
        return Err(VisionError::OtherNetwork {
            path: installed.path.clone(),
            expected: "file that its card describes",
            reason: format!("its sha256 is {found}; fetch it again, or write a card of your own"),
        });
    }
    FaceReader::try_open(&installed)?;
    let known = if card.sha256.is_some() { "as its card says" } else { "its card knows none" };
    Ok(format!("sha256 {found} ({known}); it opens"))
}

/// Prints the folder, or where the file of one network is.
fn path(shelf: &Shelf, name: Option<&str>, as_json: bool) -> Result<ExitCode, Exit> {
    let place = match name {
        Some(name) => {
            let card = shelf.card(name).map_err(refused)?;
            shelf.installed(card).map_err(refused)?.path
        }
        None => match shelf.folder() {
            Some(folder) => folder.to_owned(),
            None => return Err(Exit::Plain { message: folder_of(shelf), code: 6 }),
        },
    };
    if as_json {
        println!("{}", json!({ "v": 1, "event": "path", "path": place.display().to_string() }));
    } else {
        println!("{}", place.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn described(card: &Card, place: Option<&Path>) -> Value {
    json!({
        "v": 1,
        "event": "weights",
        "name": card.name,
        "kind": card.role.kind(),
        "description": card.description,
        "source": card.source,
        "licence": card.licence.name,
        "commercial": card.licence.commercial,
        "sha256": card.sha256,
        "path": place.map(|place| place.display().to_string()),
    })
}

/// What may be done with a network, in a few words.
fn use_of(card: &Card) -> &'static str {
    match card.licence.commercial {
        Some(true) => "commercial use allowed",
        Some(false) => "non-commercial",
        None => "see its licence",
    }
}

fn folder_of(shelf: &Shelf) -> String {
    match shelf.folder() {
        Some(folder) => format!("folder of weights: `{}`", folder.display()),
        None => "no folder of weights is set: name one in FFRUN_WEIGHTS, as `weights` in \
                 ffrun.toml, or with --weights"
            .to_owned(),
    }
}

/// A name nobody knows is a mistake of the command line; everything else lies with the files.
#[allow(clippy::needless_pass_by_value, reason = "a function for `map_err`")]
fn refused(error: VisionError) -> Exit {
    let code = if matches!(error, VisionError::UnknownNetwork { .. }) { 2 } else { 6 };
    Exit::Plain { message: error.to_string(), code }
}
