//! The verb: checks that a run may be published, then replaces its record whole.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use super::{
    error::PublishError,
    listing::{self, Listed},
};
use crate::{
    cli::{
        args::{self, Global},
        checkout,
        config::Settings,
        exit::Exit,
        laboratory::{Laboratory, shown},
        manifest::Manifest,
        opened::Opened,
        report::Written,
        summary::bytes_text,
    },
    engine::{EngineError, files},
    script::Experiment,
};

/// Runs the verb.
pub(in crate::cli) fn publish(
    args: &args::Publish,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    for one in Opened::each(&args.experiment, settings)? {
        publish_one(&one, args, global)?;
    }
    listing::write(&args.to)?;
    Ok(ExitCode::SUCCESS)
}

fn publish_one(
    Opened { lab, experiment }: &Opened,
    args: &args::Publish,
    global: &Global,
) -> Result<(), Exit> {
    let written = Written::gather(lab, experiment)?;
    let mut manifest = Manifest::of(lab, experiment, &written);
    manifest.dirty = check(lab, experiment, (&written, &manifest), args)?;
    let place = args.to.join(Laboratory::folder_name(experiment));
    refuse_foreign(&place, experiment)?;
    let report = lab.folder(experiment);
    files::create_dir(&report)?;
    let mut page = written.page(lab, experiment, &manifest)?;
    page.pictures.truncate(args.pictures);

    files::create_dir(&args.to)?;
    let failed = |source| EngineError::io("create", &args.to, source);
    // Beside its place, so that a rename is enough; gone with this value, whatever happens.
    let staging =
        tempfile::Builder::new().prefix(".publish-").tempdir_in(&args.to).map_err(failed)?;
    let new = staging.path().join("new");
    files::create_dir(&new)?;
    let count = ffrun_reports::record(&page, &report, &new)?.len() + 1;
    manifest.write(&new)?;
    let bytes = files::bytes_under(&new)?;
    replace(&new, &place, &staging.path().join("old"))?;
    if global.json {
        println!(
            "{}",
            json!({ "v": 1, "event": "published", "experiment": experiment.name,
                    "record": shown(&place), "files": count, "bytes": bytes,
                    "dirty": manifest.dirty })
        );
    } else if global.quiet < 2 {
        println!("record: {} ({count} files, {})", shown(&place), bytes_text(bytes));
    }
    Ok(())
}

/// Refuses what would mislead a reader; says whether the checkout is dirty, `None` where there is
/// none.
fn check(
    lab: &Laboratory,
    experiment: &Experiment,
    (written, manifest): (&Written, &Manifest),
    args: &args::Publish,
) -> Result<Option<bool>, PublishError> {
    if experiment.scale == "smoke" {
        return Err(PublishError::Smoke);
    }
    let (finished, planned) = (written.results.finished, written.results.planned);
    if finished < planned {
        let (experiment, command) = (experiment.name.clone(), manifest.command.clone());
        return Err(PublishError::Incomplete { experiment, finished, planned, command });
    }
    let changed = checkout::changed(&lab.file, &args.to);
    match changed {
        Ok(files) if files.is_empty() => {
            Ok((!checkout::commit(&lab.file).is_empty()).then_some(false))
        }
        _ if args.allow_dirty => Ok(Some(true)),
        Ok(files) => Err(PublishError::Dirty { files }),
        Err(reason) => Err(PublishError::Unknown { reason }),
    }
}

/// Only a record of the same experiment is replaced.
fn refuse_foreign(place: &Path, experiment: &Experiment) -> Result<(), PublishError> {
    let own = Listed::read(place).is_some_and(|listed| listed.experiment == experiment.name);
    if own || !place.exists() {
        return Ok(());
    }
    Err(PublishError::Taken { path: place.to_owned(), experiment: experiment.name.clone() })
}

/// Puts the new record into its place; the old one goes to `old`.
fn replace(new: &Path, place: &Path, old: &Path) -> Result<(), Exit> {
    let rename = |from: &Path, to: &PathBuf| {
        fs::rename(from, to).map_err(|source| EngineError::io("move", from, source))
    };
    let had = place.exists();
    if had {
        rename(place, &old.to_owned())?;
    }
    if let Err(error) = rename(new, &place.to_owned()) {
        if had {
            rename(old, &place.to_owned())?;
        }
        return Err(error.into());
    }
    Ok(())
}
