//! `ffrun data`: drawing from the embedded heads, outside any experiment.

use std::{fs, path::Path, process::ExitCode};

use serde_json::json;

use super::{
    args::{Export, Global, Target},
    exit::Exit,
};
use crate::{
    data::heads::{self, Family, HeadsError},
    spec::{ClipSpec, FacesSpec},
};

/// Frames a second of exported clips, as the paper's backbone makes them.
const FPS: f64 = 16.0;

/// People on the preview of stills.
const PREVIEW_PEOPLE: usize = 10;

/// Frames on the preview of clips.
const PREVIEW_FRAMES: usize = 9;

/// Runs `data export`.
pub(super) fn export(what: &Export, global: &Global) -> Result<ExitCode, Exit> {
    let (count, target) = match what {
        Export::Heads { identities, poses, target } => {
            (export_heads(*identities, poses, target)?, target)
        }
        Export::Clips { identities, frames, target } => {
            (export_clips(*identities, *frames, target)?, target)
        }
    };
    let out = target.out.display().to_string();
    if global.json {
        println!("{}", json!({ "v": 1, "event": "exported", "count": count, "out": out }));
    } else {
        println!("{count} written to {out}");
    }
    Ok(ExitCode::SUCCESS)
}

fn export_heads(identities: usize, poses: &str, target: &Target) -> Result<usize, Exit> {
    let poses = match poses {
        "grid" => heads::pose_grid(),
        file => heads::read_poses(Path::new(file)).map_err(refused)?,
    };
    let spec = FacesSpec { identities, views: poses.len(), ..faces(target) };
    let faces = heads::stills_at(&spec, Some(&poses)).map_err(refused)?;
    heads::export_stills(&faces, &target.out).map_err(refused)?;
    Ok(faces.stills.len())
}

fn export_clips(identities: usize, frames: usize, target: &Target) -> Result<usize, Exit> {
    let mut clips = Vec::new();
    for person in 0..identities {
        for family in Family::ALL {
            let spec = ClipSpec {
                split: target.split.clone(),
                person,
                family: family.name().to_owned(),
                frames,
                fps: FPS,
                size_px: target.size,
                world: target.world,
                take: 0,
            };
            clips.push(heads::clip(&spec).map_err(refused)?);
        }
    }
    heads::export_clips(&clips, &target.out).map_err(refused)?;
    Ok(clips.len())
}

fn faces(target: &Target) -> FacesSpec {
    FacesSpec {
        split: target.split.clone(),
        identities: 0,
        views: 0,
        size_px: target.size,
        world: target.world,
        yaw_deg: 75.0,
        yaw_least_deg: 0.0,
        pitch_deg: 30.0,
        roll_deg: 15.0,
        expression: 0.3,
        occlusion: 0.0,
        surroundings: "per_person".to_owned(),
        pose_grid: false,
    }
}

/// Runs `data preview`: one sheet of people, one of clips.
pub(super) fn preview(out: &Path, size: usize, world: u64) -> Result<ExitCode, Exit> {
    fs::create_dir_all(out)
        .map_err(|error| Exit::failed(format!("cannot create `{}`: {error}", out.display())))?;
    let target = Target { out: out.to_owned(), size, world, split: "test".to_owned() };
    let people = FacesSpec { identities: PREVIEW_PEOPLE, views: 1, ..faces(&target) };
    let clips = ClipSpec {
        split: "test".to_owned(),
        person: 0,
        family: Family::ALL[0].name().to_owned(),
        frames: PREVIEW_FRAMES,
        // Nine frames over the four seconds of a clip show the motion.
        fps: 2.0,
        size_px: size,
        world,
        take: 0,
    };
    let sheets = [
        ("people.png", heads::preview_stills(&people).map_err(refused)?),
        ("clips.png", heads::preview_clips(&clips).map_err(refused)?),
    ];
    for (name, sheet) in sheets {
        let path = out.join(name);
        sheet
            .save(&path)
            .map_err(|error| Exit::failed(format!("cannot write `{}`: {error}", path.display())))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A bad size, a bad pose file or a bad folder: all are the command line's.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn refused(error: HeadsError) -> Exit {
    Exit::usage(error.to_string())
}
