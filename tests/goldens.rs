//! Runs every golden case it finds against our code: reference inputs and outputs made with the
//! field's own Python, described by each case's JSON and by nothing here.
//!
//! Folders come from `FFRUN_GOLDENS` (colon-separated); by default the ones committed here and, if
//! it is there, the larger set beside the repository. New cases of a known kind are just dropped in.

mod a2;
mod a2_condition;
mod aligner;
mod alignment;
mod attention;
mod case;
mod check;
mod clip;
mod cogvideox;
mod consisid;
mod detection;
mod euler;
mod fake_vae;
mod fill;
mod foreign_weights;
mod frechet;
mod hunyuan_custom;
mod hunyuan_rotary;
mod image_network;
mod inception;
mod magref;
mod method_network;
mod mmdit;
mod parameter_lengths;
mod phantom;
mod pose;
mod pose_net;
mod recognition;
mod resample;
mod schedulers;
mod umt5;
mod vace_context;
mod vace_pipeline;
mod wan_config;
mod wan_diffusers;
mod wan_original;
mod wan_references;
mod wan_units;
mod wan_vae;

use std::error::Error;
use std::path::{Path, PathBuf};

use case::Case;
use check::Check;

/// Anything that goes wrong in a case.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What a case can test.
struct Kind {
    /// What it is, in a word or two.
    name: &'static str,
    /// Whether a case is of this kind, told from its content and never from its name.
    recognises: fn(&Case) -> bool,
    /// Computes everything the case holds and compares.
    run: fn(&Case) -> Result<Vec<Check>>,
}

/// Every kind known. A case must be of one kind exactly.
const KINDS: &[Kind] = &[
    a2::KIND,
    a2_condition::KIND,
    aligner::KIND,
    alignment::KIND,
    attention::KIND,
    clip::NETWORK,
    clip::TOKENIZER,
    consisid::KIND,
    detection::KIND,
    euler::KIND,
    fill::KIND,
    frechet::KIND,
    hunyuan_custom::KIND,
    hunyuan_rotary::KIND,
    inception::KIND,
    magref::KIND,
    phantom::KIND,
    pose::ROTATION,
    pose::VARIATION,
    pose_net::KIND,
    recognition::KIND,
    resample::KIND,
    schedulers::KIND,
    umt5::KIND,
    vace_context::KIND,
    vace_pipeline::KIND,
    wan_diffusers::KIND,
    wan_original::KIND,
    wan_references::KIND,
    wan_units::KIND,
    wan_vae::KIND,
];

/// The one kind that recognises a case.
fn kind_of(case: &Case) -> std::result::Result<&'static Kind, String> {
    let mut kinds = KINDS.iter().filter(|kind| (kind.recognises)(case));
    let first = kinds.next().ok_or("no kind recognises it")?;
    match kinds.next() {
        None => Ok(first),
        Some(second) => Err(format!("it is both `{}` and `{}`", first.name, second.name)),
    }
}

#[test]
fn every_golden_case_agrees() {
    let mut cases = vec![];
    for (folder, required) in folders() {
        if folder.is_dir() {
            collect(&folder, &mut cases);
        } else {
            assert!(!required, "no such folder of goldens: {}", folder.display());
            println!("skipped: no folder {}", folder.display());
        }
    }
    cases.sort();
    assert!(!cases.is_empty(), "no golden case found");
    let (mut agreed, mut failed) = (0, vec![]);
    for path in &cases {
        let case = Case::load(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let run = kind_of(&case).and_then(|kind| report(&case.name, (kind.run)(&case)));
        match run {
            Ok(()) => agreed += 1,
            Err(reason) => failed.push(format!("{}: {reason}", path.display())),
        }
    }
    println!("{agreed} agree, {} fail", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Prints the check closest to its bound; fails with all that are past theirs.
fn report(name: &str, checks: Result<Vec<Check>>) -> std::result::Result<(), String> {
    let checks = checks.map_err(|error| error.to_string())?;
    let tightest = checks.iter().max_by(|a, b| a.share().total_cmp(&b.share()));
    let tightest = tightest.ok_or("the case checks nothing")?;
    println!("{name}: {} checks, tightest {tightest}", checks.len());
    let past: Vec<_> =
        checks.iter().filter(|check| !check.holds()).map(ToString::to_string).collect();
    if past.is_empty() { Ok(()) } else { Err(past.join("; ")) }
}

/// The folders, and whether each must exist.
fn folders() -> Vec<(PathBuf, bool)> {
    if let Some(folders) = std::env::var_os("FFRUN_GOLDENS") {
        return std::env::split_paths(&folders).map(|folder| (folder, true)).collect();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    vec![(root.join("tests/goldens"), true), (root.join("../shared/goldens"), false)]
}

/// All cases under `folder`: JSON files with a `case`.
fn collect(folder: &Path, cases: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.filter_map(std::result::Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, cases);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            cases.push(path);
        }
    }
}
