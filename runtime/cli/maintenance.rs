//! `ffrun fsck` and `ffrun gc`: is the store sound, and what of it is still wanted?

use std::process::ExitCode;

use serde_json::json;

use super::{
    args::{self, Global},
    config::Settings,
    exit::Exit,
    summary::bytes_text,
};
use crate::engine::{self, Store};

/// Runs `fsck`.
pub(super) fn fsck(
    args: args::Fsck,
    global: &Global,
    settings: &Settings,
) -> Result<ExitCode, Exit> {
    let report = engine::fsck(&Store::at(&settings.store), args.repair)?;
    for (key, reason) in &report.damaged {
        if global.json {
            println!("{}", json!({ "v": 1, "event": "damaged", "key": key, "reason": reason }));
        } else {
            println!("{}  {reason}", key.short());
        }
    }
    let damaged = report.damaged.len();
    if global.json {
        println!(
            "{}",
            json!({ "v": 1, "event": "fsck", "checked": report.checked, "damaged": damaged,
                    "repaired": args.repair })
        );
    } else {
        println!("{} entries checked, {damaged} damaged", report.checked);
        if damaged > 0 && args.repair {
            println!("moved aside; they are computed again when an experiment needs them");
        } else if damaged > 0 {
            println!("`ffrun fsck --repair` moves them aside so that they are computed again");
        }
    }
    Ok(if damaged > 0 && !args.repair { ExitCode::from(5) } else { ExitCode::SUCCESS })
}

/// Runs `gc`.
pub(super) fn gc(args: args::Gc, global: &Global, settings: &Settings) -> Result<ExitCode, Exit> {
    let freed = engine::gc(&Store::at(&settings.store), args.keep_days, args.dry_run)?;
    if global.json {
        println!(
            "{}",
            json!({ "v": 1, "event": "gc", "entries": freed.entries, "bytes": freed.bytes,
                    "dry_run": args.dry_run })
        );
    } else {
        let verb = if args.dry_run { "would free" } else { "freed" };
        println!("{verb} {} in {} entries", bytes_text(freed.bytes), freed.entries);
    }
    Ok(ExitCode::SUCCESS)
}
