//! How near the pixels are to what was filmed.

use super::{Footage, Tally, tally::mean};
use crate::{metrics::fidelity::psnr_db, stages::clipset::Clips};

/// PSNR by person; the floor is what another person's clip of the same family gives.
pub(super) fn measure(footage: &Footage<'_>, tally: &mut Tally) {
    let asked = footage.asked;
    let of = |found: &Clips, clip: usize, filmed: usize| {
        mean((0..asked.frames).map(|at| psnr_db(found.frame(clip, at), asked.frame(filmed, at))))
    };
    tally.by_person("psnr", footage.people, |clip| of(footage.made, clip, clip));
    let other = (0..asked.len())
        .filter_map(|clip| footage.people.next(clip).and_then(|other| of(asked, other, clip)));
    tally.anchor("psnr", "another person's clip", mean(other));
}
