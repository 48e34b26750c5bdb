//! The batch of a training step: which people, which of their pictures, moved and blurred how.

use candle_core::{Device, Result, Tensor};
use ffrun_models::stream::Stream;

use super::{
    material::{Material, Picture},
    surroundings,
};
use crate::spec::EvaluatorTraining;

/// Pictures of one step, ready to be read.
pub(super) struct Batch {
    /// `[B, 3, side, side]` in [−1, 1].
    pub(super) frames: Tensor,
    /// The pictures, before they were changed.
    pub(super) pictures: Vec<Picture>,
    /// Place of each picture's person in the material.
    pub(super) people: Vec<u32>,
    /// Which pictures are mirrored.
    pub(super) mirrored: Vec<bool>,
}

/// How one picture is changed.
struct Change {
    mirrored: bool,
    /// Right and down, pixels.
    shift: [i64; 2],
    blurred: bool,
}

/// The batch of a step. The same (seed, step) gives the same batch, always.
pub(super) fn of_step(
    material: &Material,
    training: &EvaluatorTraining,
    step: u64,
    device: &Device,
) -> Result<Batch> {
    let spec = &training.evaluator;
    let people = in_turn(material.people.len(), spec.people, (training.seed, step));
    let mut stream = Stream::new(training.seed, "evaluator/pictures", step);
    let side = material.clips.size_px;
    let mut values = Vec::with_capacity(spec.people * spec.frames_each * 3 * side * side);
    let (mut pictures, mut owners, mut mirrored) = (Vec::new(), Vec::new(), Vec::new());
    for person in people {
        let own = &material.people[person];
        let mut order: Vec<usize> = (0..own.len()).collect();
        stream.shuffle(&mut order);
        for at in 0..spec.frames_each {
            let picture = own[order[at % order.len()]];
            let limit = spec.shift_px as f32 + 1.0;
            let mut shift = || stream.between(-limit, limit) as i64;
            let shift = [shift(), shift()];
            let change = Change {
                mirrored: stream.chance(0.5),
                shift,
                blurred: stream.chance(spec.blur as f32),
            };
            add_changed(material.pixels(&picture), side, &change, &mut values);
            if spec.swapped > 0.0 && stream.chance(spec.swapped as f32) {
                let kept = surroundings::kept(&mut stream, side);
                surroundings::swap(&mut values, side, &kept);
            }
            pictures.push(picture);
            owners.push(person as u32);
            mirrored.push(change.mirrored);
        }
    }
    let frames = Tensor::from_vec(values, (pictures.len(), 3, side, side), device)?;
    Ok(Batch { frames, pictures, people: owners, mirrored })
}

/// People of a step: epoch after epoch, each in an order of its own.
fn in_turn(people: usize, batch: usize, (seed, step): (u64, u64)) -> Vec<usize> {
    let first = step as usize * batch;
    let mut order: Option<(usize, Vec<usize>)> = None;
    (first..first + batch)
        .map(|at| {
            let (epoch, place) = (at / people.max(1), at % people.max(1));
            let known = order.take().filter(|(known, _)| *known == epoch);
            let (_, order) = order.insert(known.unwrap_or_else(|| {
                let mut order: Vec<usize> = (0..people).collect();
                Stream::new(seed, "evaluator/order", epoch as u64).shuffle(&mut order);
                (epoch, order)
            }));
            order[place]
        })
        .collect()
}

/// Adds a picture's three planes in [−1, 1]; what lies outside repeats the edge.
fn add_changed(pixels: &[u8], side: usize, change: &Change, values: &mut Vec<f32>) {
    let last = side as i64 - 1;
    let column = |x: usize| {
        let x = (x as i64 - change.shift[0]).clamp(0, last);
        if change.mirrored { (last - x) as usize } else { x as usize }
    };
    let columns: Vec<usize> = (0..side).map(column).collect();
    for channel in 0..3 {
        let start = values.len();
        for y in 0..side {
            let row = (y as i64 - change.shift[1]).clamp(0, last) as usize * side;
            let value = |&x: &usize| f32::from(pixels[(row + x) * 3 + channel]) / 127.5 - 1.0;
            values.extend(columns.iter().map(value));
        }
        if change.blurred {
            blur(&mut values[start..], side);
        }
    }
}

/// Binomial blur, ¼ ½ ¼ along both sides.
fn blur(plane: &mut [f32], side: usize) {
    for (lines, step, stride) in [(side, side, 1), (side, 1, side)] {
        for line in 0..lines {
            let at = |i: usize| line * step + i * stride;
            let mut before = plane[at(0)];
            for i in 0..side {
                let here = plane[at(i)];
                let after = plane[at((i + 1).min(side - 1))];
                plane[at(i)] = 0.25 * before + 0.5 * here + 0.25 * after;
                before = here;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, add_changed, blur, in_turn};

    const PLAIN: Change = Change { mirrored: false, shift: [0, 0], blurred: false };

    fn changed(change: &Change) -> Vec<f32> {
        let pixels: Vec<u8> = (0..12).map(|at| (at % 3) * 50 + at / 3 * 10).collect();
        let mut values = Vec::new();
        add_changed(&pixels, 2, change, &mut values);
        values.iter().map(|value| (value * 127.5 + 127.5).round()).collect()
    }

    #[test]
    fn pictures_are_mirrored_shifted_and_repeat_their_edge() {
        assert_eq!(changed(&PLAIN)[..4], [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(changed(&Change { mirrored: true, ..PLAIN })[..4], [10.0, 0.0, 30.0, 20.0]);
        assert_eq!(changed(&Change { shift: [1, 0], ..PLAIN })[..4], [0.0, 0.0, 20.0, 20.0]);
        assert_eq!(changed(&Change { shift: [0, -1], ..PLAIN })[4..8], [70.0, 80.0, 70.0, 80.0]);
    }

    #[test]
    fn a_blur_spreads_a_point_and_keeps_flat_planes() {
        let mut plane = [0.0; 25];
        plane[12] = 16.0;
        blur(&mut plane, 5);
        assert_eq!(plane[6..9], [1.0, 2.0, 1.0]);
        assert_eq!(plane[11..14], [2.0, 4.0, 2.0]);
        let mut flat = [3.0; 9];
        blur(&mut flat, 3);
        assert_eq!(flat, [3.0; 9]);
    }

    #[test]
    fn everybody_is_seen_once_an_epoch() {
        let mut seen: Vec<usize> = (0..3).flat_map(|step| in_turn(9, 3, (1, step))).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..9).collect::<Vec<_>>());
    }
}
