//! The `sift` stage: a filter of footage against exact labels, and what fools it (paper §3.4, Eq. 8).

mod fooled;
mod track;

use std::collections::BTreeMap;

use ffrun_models::pose_variation::{THRESHOLD_DEG, var_geodesic_deg, var_paper_deg};
use ffrun_reports::{
    rows::Figure,
    sheet::{GivenLine, GivenPoint},
};
use track::{Track, tracks};

use super::{
    drawn,
    scores::{self, AnchorScore, Score},
    spec_of,
};
use crate::{
    data::heads::{HeadsError, Split},
    engine::{
        stage::Stage,
        work::{Progress, StageError, Work},
    },
    metrics::{
        separation,
        sifting::{Rates, Sifted, calibrated},
    },
    spec::{FilterSpec, FootageSpec, SiftSpec},
};

/// What scripts call the share of still heads that pass by yaw.
const NAME: &str = "still_heads_kept";

/// Still heads turned at least so far count as profiles, degrees.
const PROFILE_DEG: f64 = 75.0;

/// Measures and writes `scores.csv`, `anchors.csv`, and a clip that fools the filter.
pub(super) fn run(stage: &Stage, work: &Work<'_>) -> Result<(), StageError> {
    let SiftSpec { metrics, footage, filter, seed } = spec_of(stage)?;
    let failed = |error: HeadsError| StageError::Failed(error.to_string());
    let clips = (footage.families.len() + footage.still_yaw_deg.len()) as u64;
    let total = clips * footage.identities as u64;
    (work.progress)(Progress { done: 0, total, note: "estimating poses".to_owned() });
    let all = tracks(&footage, seed).map_err(failed)?;
    let clips = sifted(&all, &filter);
    let threshold = threshold(&filter, &footage, seed)?;
    let mut rows = by_person(&all, &clips, threshold, &footage).map_err(failed)?;
    let value = |right: bool| {
        let own = clips.iter().filter(move |clip| clip.qualifies == right);
        own.map(|clip| clip.value as f32).collect::<Vec<f32>>()
    };
    let whole =
        |metric: &str, value: f64| Score { metric: metric.to_owned(), identity: None, value };
    let auc = separation(&value(true), value(false));
    rows.extend(auc.map(|auc| whole("filter_auc", auc)));
    rows.push(whole("filter_threshold", threshold));
    rows.retain(|score| metrics.contains_key(&score.metric));
    scores::write(&work.out.join(scores::SCORES), &rows)?;
    scores::write(&work.out.join(scores::ANCHORS), &floors(&clips))?;
    let mut figures = fooled::figures(&footage, seed, &work.out)?;
    figures.insert(NAME.to_owned(), kept_by_yaw(&all, &clips, threshold, &footage));
    drawn::write(&work.out, &figures)
}

/// What the filter measures of each clip.
fn sifted(tracks: &[Track], filter: &FilterSpec) -> Vec<Sifted> {
    let measure = if filter.measure == "range" { var_paper_deg } else { var_geodesic_deg };
    let one =
        |track: &Track| Sifted { value: measure(&track.estimated), qualifies: track.qualifies };
    tracks.iter().map(one).collect()
}

fn threshold(filter: &FilterSpec, footage: &FootageSpec, seed: u64) -> Result<f64, StageError> {
    if filter.threshold == "printed" {
        return Ok(THRESHOLD_DEG);
    }
    let each = footage.families.len() + footage.still_yaw_deg.len();
    let identities = filter.labelled.div_ceil(each.max(1));
    let labelled = FootageSpec { split: "train".to_owned(), identities, ..footage.clone() };
    let tracks = tracks(&labelled, seed).map_err(|error| StageError::Failed(error.to_string()))?;
    calibrated(&sifted(&tracks, filter)).ok_or_else(|| {
        StageError::Failed(
            "the labelled clips are all of one kind, so no threshold can be chosen; give the footage \
             families that turn and heads that do not"
                .to_owned(),
        )
    })
}

fn by_person(
    tracks: &[Track],
    clips: &[Sifted],
    threshold: f64,
    footage: &FootageSpec,
) -> Result<Vec<Score>, HeadsError> {
    let split = Split::parse(&footage.split)?;
    let mut rows = Vec::new();
    for person in 0..footage.identities {
        let own = || tracks.iter().zip(clips).filter(|(track, _)| track.person == person);
        let rates = Rates::new(&own().map(|(_, clip)| *clip).collect::<Vec<_>>(), threshold);
        let profiles =
            own().filter(|(track, _)| track.still_deg.is_some_and(|yaw| yaw >= PROFILE_DEG));
        let kept: Vec<bool> = profiles.map(|(_, clip)| clip.value > threshold).collect();
        let found = [
            ("filter_precision", rates.precision),
            ("filter_recall", rates.recall),
            ("filter_balanced", rates.balanced),
            ("filter_still_profiles", share(&kept)),
        ];
        rows.extend(found.into_iter().filter_map(|(metric, value)| {
            let identity = Some(split.identity(person));
            Some(Score { metric: metric.to_owned(), identity, value: value? })
        }));
    }
    Ok(rows)
}

/// What a filter reaches that keeps everything, or at random.
fn floors(clips: &[Sifted]) -> Vec<AnchorScore> {
    let anchor = |label: &str, metric: &str, value: f64| AnchorScore {
        label: label.to_owned(),
        metric: metric.to_owned(),
        value,
    };
    let right: Vec<bool> = clips.iter().map(|clip| clip.qualifies).collect();
    let all = share(&right).map(|share| anchor("no filter", "filter_precision", share));
    let chance = ["filter_balanced", "filter_auc"].map(|metric| anchor("chance", metric, 0.5));
    all.into_iter().chain(chance).collect()
}

/// The share of still heads that are kept, by |yaw|.
fn kept_by_yaw(
    tracks: &[Track],
    clips: &[Sifted],
    threshold: f64,
    footage: &FootageSpec,
) -> Figure {
    let point = |&yaw_deg: &f64| {
        let own = tracks.iter().zip(clips).filter(|(track, _)| track.still_deg == Some(yaw_deg));
        let kept: Vec<bool> = own.map(|(_, clip)| clip.value > threshold).collect();
        Some(GivenPoint { x: yaw_deg, y: share(&kept)?, band: None })
    };
    let points = footage.still_yaw_deg.iter().map(point).collect();
    Figure::Lines {
        x: "yaw of a head that does not move, °".to_owned(),
        lines: vec![GivenLine { label: String::new(), points }],
    }
}

fn share(of: &[bool]) -> Option<f64> {
    let count = of.iter().filter(|holds| **holds).count();
    (!of.is_empty()).then(|| count as f64 / of.len() as f64)
}

type Figures = BTreeMap<String, Figure>;
