//! Contact sheets of generated clips beside what was filmed.

use std::path::Path;

use super::{clipset::Clips, picture};
use crate::{
    data::heads::Family,
    engine::{files, work::StageError},
};

/// People on the moving sheet.
const MOVING: usize = 6;

/// People on the still sheet, which has a row for each of their clips.
const STILL: usize = 2;

/// Writes `sheet.gif`, a row for each person: the reference, then each of the person's clips as
/// filmed and as sampled; and `sheet.png`, a row for each clip: the reference, all frames as filmed,
/// all frames as sampled.
pub(super) fn write(
    folder: &Path,
    asked: &Clips,
    made: &Clips,
    fps: f64,
) -> Result<(), StageError> {
    let people = people(asked);
    let moving: Vec<_> =
        (0..asked.frames).map(|frame| moment(asked, made, (&people, frame))).collect();
    let moving = picture::animation(&moving, asked.size_px, fps)?;
    files::write_atomic(&folder.join("sheet.gif"), &moving)?;
    let still = picture::grid(&filmstrips(asked, made, &people), asked.size_px)?;
    Ok(files::write_atomic(&folder.join("sheet.png"), &still)?)
}

/// The clips of some people, spread over all of them.
fn people(asked: &Clips) -> Vec<Vec<usize>> {
    let mut people: Vec<Vec<usize>> = Vec::new();
    for (clip, label) in asked.labels.iter().enumerate() {
        match people.last_mut() {
            Some(known) if asked.labels[known[0]].identity == label.identity => known.push(clip),
            _ => people.push(vec![clip]),
        }
    }
    // The columns of the moving sheet are families.
    let place = |clip: &usize| {
        let family = &asked.labels[*clip].family;
        Family::ALL.iter().position(|known| known.name() == family)
    };
    for clips in &mut people {
        clips.sort_by_key(place);
    }
    let step = people.len().div_ceil(MOVING).max(1);
    people.into_iter().step_by(step).collect()
}

fn moment<'a>(
    asked: &'a Clips,
    made: &'a Clips,
    (people, frame): (&[Vec<usize>], usize),
) -> Vec<Vec<&'a [u8]>> {
    let row = |clips: &Vec<usize>| {
        let reference = clips.first().map(|&clip| asked.reference(clip));
        let pairs =
            clips.iter().flat_map(|&clip| [asked.frame(clip, frame), made.frame(clip, frame)]);
        reference.into_iter().chain(pairs).collect()
    };
    people.iter().map(row).collect()
}

fn filmstrips<'a>(asked: &'a Clips, made: &'a Clips, people: &[Vec<usize>]) -> Vec<Vec<&'a [u8]>> {
    let strip = |&clip: &usize| {
        let filmed = (0..asked.frames).map(|frame| asked.frame(clip, frame));
        let sampled = (0..made.frames).map(|frame| made.frame(clip, frame));
        std::iter::once(asked.reference(clip)).chain(filmed).chain(sampled).collect()
    };
    people.iter().take(STILL).flatten().map(strip).collect()
}
