//! How far the generated frames as a whole are from the filmed ones.

use candle_core::{Result as TensorResult, Tensor};
use ffrun_models::eval::frechet::{Moments, Subsets, frechet_distance, kernel_distance};

use super::{Footage, Tally};
use crate::{engine::work::StageError, stages::tensor_error};

/// The metrics: Fréchet and kernel distance.
const METRICS: [&str; 2] = ["fid_pooled_in_world", "kid_in_world"];

/// The usual hundred subsets of KID, of as many frames as there are up to a hundred.
const SUBSETS: (usize, usize) = (100, 100);

/// Distances of all frames to all filmed ones. Floor: every filmed frame of half of the people
/// against the other half, which no generator should be expected to beat.
pub(super) fn measure(footage: &Footage<'_>, tally: &mut Tally) -> Result<(), StageError> {
    if !tally.wants(&METRICS) {
        return Ok(());
    }
    let (asked, made) = (footage.asked, footage.made);
    let filmed = footage.rulers.features(&asked.pixels, asked.size_px)?;
    let sampled = footage.rulers.features(&made.pixels, made.size_px)?;
    let found = distances(&sampled, &filmed).map_err(tensor_error)?;
    let half = footage.people.iter().take(footage.people.len() / 2);
    let split = half.map(|(_, clips)| clips.len()).sum::<usize>() * asked.frames;
    let halves = || -> TensorResult<[f64; 2]> {
        let rest = filmed.dim(0)? - split;
        distances(&filmed.narrow(0, 0, split)?, &filmed.narrow(0, split, rest)?)
    };
    let between = if split < 2 { None } else { Some(halves().map_err(tensor_error)?) };
    for (place, metric) in METRICS.into_iter().enumerate() {
        tally.whole(metric, found[place]);
        let value = between.map(|between| between[place]);
        tally.anchor(metric, "filmed people, halves", value);
    }
    Ok(())
}

fn distances(a: &Tensor, b: &Tensor) -> TensorResult<[f64; 2]> {
    let size = a.dim(0)?.min(b.dim(0)?).min(SUBSETS.1);
    let (kernel, _) = kernel_distance(a, b, Subsets { count: SUBSETS.0, size, seed: 0 })?;
    Ok([frechet_distance(&Moments::of(a)?, &Moments::of(b)?)?, kernel])
}
