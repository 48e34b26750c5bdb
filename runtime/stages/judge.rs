//! The `judge` stage: generated clips measured against the clips that were asked for.

use candle_core::Device;

use super::{
    clipset::Clips,
    evaluators::{Evaluators, Recognition},
    input,
    scores::{self, AnchorScore, Score},
    spec_of, tensor_error,
};
use crate::{
    engine::{
        stage::Stage,
        work::{StageError, Work},
    },
    metrics::fidelity::psnr_db,
    spec::MeasureSpec,
};

/// Measures and writes `scores.csv` and `anchors.csv`.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let spec: MeasureSpec = spec_of(stage)?;
    let asked = Clips::read(input(work, "asked")?)?;
    let made = Clips::read(input(work, "videos")?)?;
    if made.labels != asked.labels || made.pixels.len() != asked.pixels.len() {
        return Err(StageError::Failed(
            "the generated clips are not those that were asked for; `ffrun fsck --repair` moves \
             damaged results aside"
                .to_owned(),
        ));
    }
    let (mut scores, mut anchors) = (Vec::new(), Vec::new());
    fidelity(&asked, &made, (&mut scores, &mut anchors));
    if IDENTITY.iter().any(|metric| spec.metrics.contains_key(*metric)) {
        identity(&asked, &made, (&mut scores, &mut anchors)).map_err(tensor_error)?;
    }
    scores.retain(|score| spec.metrics.contains_key(&score.metric));
    anchors.retain(|anchor| spec.metrics.contains_key(&anchor.metric));
    scores::write(&work.out.join(scores::SCORES), &scores)?;
    scores::write(&work.out.join(scores::ANCHORS), &anchors)
}

/// Metrics of who is seen, by the in-world ArcFace recogniser.
const IDENTITY: [&str; 2] = ["facesim_arc_in_world", "identity_top1_in_world"];

/// Similarity of every frame to the reference, and whether the mean of a clip's frames finds its
/// reference among those of all people. Floor: the reference of another person; ceiling: what was
/// filmed.
fn identity(
    asked: &Clips,
    made: &Clips,
    (scores, anchors): (&mut Vec<Score>, &mut Vec<AnchorScore>),
) -> candle_core::Result<()> {
    let rulers = Evaluators::shipped(&Device::Cpu)
        .map_err(|error| candle_core::Error::Msg(error.to_string()))?;
    let embed = |pixels: &[u8]| -> candle_core::Result<Vec<Vec<f32>>> {
        rulers
            .recognise(Recognition::ArcFace, pixels, asked.size_px)
            .map_err(|error| candle_core::Error::Msg(error.to_string()))?
            .to_vec2()
    };
    let references = embed(&asked.references)?;
    let (sampled, filmed) = (embed(&made.pixels)?, embed(&asked.pixels)?);
    let people = people(asked);
    let found = |frames: &[Vec<f32>], clip: usize| {
        let frames = &frames[clip * asked.frames..(clip + 1) * asked.frames];
        let of = |reference: &[f32]| {
            frames.iter().map(|frame| dot(frame, reference)).sum::<f64>() / frames.len() as f64
        };
        let place = people.iter().position(|(_, clips)| clips.contains(&clip)).unwrap_or(0);
        // The same clip of every person: references that nothing but the person tells apart.
        let turn = people[place].1.iter().position(|&own| own == clip).unwrap_or(0);
        let others: Vec<f64> = people
            .iter()
            .filter_map(|(_, clips)| clips.get(turn))
            .filter(|&&other| other != clip)
            .map(|&other| of(&references[other]))
            .collect();
        let own = of(&references[clip]);
        let best = others.iter().all(|other| *other < own);
        let other = others.iter().sum::<f64>() / others.len().max(1) as f64;
        [own, other, f64::from(u8::from(best))]
    };
    let mean = |frames: &[Vec<f32>], clips: &[usize]| {
        let sums = clips
            .iter()
            .map(|&clip| found(frames, clip))
            .fold([0.0; 3], |sum, at| [sum[0] + at[0], sum[1] + at[1], sum[2] + at[2]]);
        sums.map(|sum| sum / clips.len().max(1) as f64)
    };
    for (first, clips) in &people {
        let [own, _, best] = mean(&sampled, clips);
        for (metric, value) in IDENTITY.into_iter().zip([own, best]) {
            let identity = Some(asked.labels[*first].identity.clone());
            scores.push(Score { metric: metric.to_owned(), identity, value });
        }
    }
    let all: Vec<usize> = (0..asked.len()).collect();
    let ([own, _, best], [_, other, _]) = (mean(&filmed, &all), mean(&sampled, &all));
    let chance = 1.0 / people.len().max(1) as f64;
    for (label, metric, value) in [
        ("what was filmed", IDENTITY[0], own),
        ("what was filmed", IDENTITY[1], best),
        ("another person's reference", IDENTITY[0], other),
        ("chance", IDENTITY[1], chance),
    ] {
        anchors.push(AnchorScore { label: label.to_owned(), metric: metric.to_owned(), value });
    }
    Ok(())
}

/// Cosine of unit vectors.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// PSNR by person; the floor is what another person's clip of the same place in the set gives.
fn fidelity(
    asked: &Clips,
    made: &Clips,
    (scores, anchors): (&mut Vec<Score>, &mut Vec<AnchorScore>),
) {
    let of = |found: &Clips, clip: usize, filmed: usize| {
        let frames = (0..asked.frames)
            .map(|frame| psnr_db(found.frame(clip, frame), asked.frame(filmed, frame)));
        frames.sum::<f64>() / asked.frames.max(1) as f64
    };
    for (first, clips) in people(asked) {
        let value =
            clips.iter().map(|&clip| of(made, clip, clip)).sum::<f64>() / clips.len() as f64;
        let identity = Some(asked.labels[first].identity.clone());
        scores.push(Score { metric: "psnr".to_owned(), identity, value });
    }
    let (count, each) = (asked.len(), people(asked).first().map_or(1, |(_, clips)| clips.len()));
    let others: Vec<f64> =
        (0..count).map(|clip| of(asked, (clip + each) % count.max(1), clip)).collect();
    let value = others.iter().sum::<f64>() / others.len().max(1) as f64;
    if value.is_finite() {
        let label = "another person's clip".to_owned();
        anchors.push(AnchorScore { label, metric: "psnr".to_owned(), value });
    }
}

/// The clips of each person, with the first of them.
pub(super) fn people(clips: &Clips) -> Vec<(usize, Vec<usize>)> {
    let mut people: Vec<(usize, Vec<usize>)> = Vec::new();
    for (clip, label) in clips.labels.iter().enumerate() {
        match people.last_mut() {
            Some((first, known)) if clips.labels[*first].identity == label.identity => {
                known.push(clip);
            }
            _ => people.push((clip, vec![clip])),
        }
    }
    people
}
