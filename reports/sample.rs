//! Made-up results of the size of the main job, for tests: 6 sizes × 3 seeds × 64 people.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rows::{Anchor, CurvePoint, Direction, Metric, Observation, Results};
use crate::sheet::{
    Axis, ChartSpec, Claim, Drawing, Item, Published, PublishedColumn, TableSpec, Verdict,
};

/// Sizes of the dictionary.
pub(crate) const SIZES: [u64; 6] = [1024, 2048, 4096, 8192, 16384, 32768];

/// Name, label, direction, digits, level, gain per doubling up to 4096, about people.
type Row = (&'static str, &'static str, Direction, usize, f64, f64, bool);

const METRICS: [Row; 8] = [
    ("retrieval_top1", "Retrieval top-1", Direction::Higher, 3, 0.62, 0.045, true),
    ("retrieval_map", "Retrieval mAP", Direction::Higher, 3, 0.55, 0.04, true),
    ("silhouette", "Silhouette", Direction::Higher, 3, 0.11, 0.02, true),
    ("pia_loss", "L_PIA", Direction::Lower, 3, 1.32, -0.12, false),
    ("pose_r2_w", "Pose R² in W", Direction::Neutral, 2, 0.71, 0.01, false),
    ("pose_r2_s", "Pose R² in S", Direction::Lower, 2, 0.34, -0.03, false),
    ("dictionary_entropy", "Dictionary entropy", Direction::Neutral, 2, 5.1, 0.6, false),
    ("dictionary_dead", "Dead entries", Direction::Lower, 1, 12.0, 9.0, false),
];

/// Results with the first `finished` of 18 trials measured.
pub(crate) fn results(finished: usize) -> Results {
    let trials: Vec<(u64, u64)> =
        (0..3).flat_map(|seed| SIZES.map(|size| (size, seed))).take(finished).collect();
    Results {
        experiment: "ablation_dict".into(),
        asks: "How many elements should the pose-shared dictionary hold?".into(),
        scale: "tiny".into(),
        origin: String::new(),
        varied: vec![("elements".into(), SIZES.iter().map(|size| json!(size)).collect())],
        metrics: METRICS.iter().map(metric).collect(),
        observations: trials.iter().flat_map(|trial| observations(*trial)).collect(),
        costs: Vec::new(),
        curves: trials.iter().flat_map(|trial| curve(*trial)).collect(),
        anchors: anchors(),
        drawn: Vec::new(),
        frames: Vec::new(),
        planned: 18,
        finished,
    }
}

fn metric((name, label, direction, digits, ..): &Row) -> Metric {
    Metric {
        name: (*name).into(),
        label: (*label).into(),
        unit: if *name == "dictionary_dead" { "%".into() } else { String::new() },
        direction: *direction,
        definition: "Share of probes whose nearest gallery face is the same person.".into(),
        source: "after the cross-pose protocol".into(),
        version: 1,
        digits: *digits,
    }
}

fn anchors() -> Vec<Anchor> {
    [
        ("chance", "retrieval_top1", 1.0 / 64.0),
        ("chance", "retrieval_map", 0.047),
        ("pixels", "retrieval_top1", 0.58),
    ]
    .map(|(label, metric, value)| Anchor { label: label.into(), metric: metric.into(), value })
    .into()
}

fn settings(size: u64) -> BTreeMap<String, Value> {
    BTreeMap::from([("elements".to_owned(), json!(size))])
}

/// Some number between −1 and 1, fixed by its arguments.
fn noise(parts: [u64; 4]) -> f64 {
    let mixed = parts.iter().fold(0x9e37_79b9_7f4a_7c15_u64, |hash, part| {
        let hash = (hash ^ part).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash ^ (hash >> 29)
    });
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn observations((size, seed): (u64, u64)) -> Vec<Observation> {
    let doublings = (size as f64 / 1024.0).log2();
    // Rises to 4096, then flat with a slight loss: the shape of the paper's Table 3.
    let climb = doublings.min(2.0) - 0.1 * (doublings - 2.0).max(0.0);
    let mut rows = Vec::new();
    for (place, (name, _, _, _, level, gain, people)) in METRICS.iter().enumerate() {
        let place = place as u64;
        let trial = level + gain * climb + 0.2 * gain * noise([place, size, seed, 0]);
        let row = |identity: Option<String>, value: f64| Observation {
            settings: settings(size),
            seed,
            metric: (*name).into(),
            identity,
            value,
        };
        if *people {
            rows.extend((1..=64).map(|who| {
                let person = 0.16 * noise([place, 0, 0, who]);
                row(
                    Some(format!("p{who:03}")),
                    trial + person + 0.05 * noise([place, size, seed, who]),
                )
            }));
        } else {
            rows.push(row(None, trial));
        }
    }
    rows
}

fn curve((size, seed): (u64, u64)) -> Vec<CurvePoint> {
    let floor = 0.9 / (size as f64 / 512.0).log2();
    let value = |step: u64| {
        let fall = (-(step as f64) / 40.0).exp() * 4.6;
        (floor + fall) * (1.0 + 0.12 * noise([9, size, seed, step]))
    };
    (1..=200)
        .map(|step| CurvePoint {
            settings: settings(size),
            seed,
            curve: "loss".into(),
            step,
            value: value(step),
        })
        .collect()
}

/// Table 3 of the paper.
pub(crate) fn paper() -> Published {
    let column = |name: &str, label: &str, direction, digits| PublishedColumn {
        name: name.into(),
        label: label.into(),
        direction,
        digits,
    };
    let cells = [
        [0.448, 0.425, 183.39, 32.28],
        [0.497, 0.474, 176.80, 32.89],
        [0.568, 0.542, 164.24, 33.93],
        [0.561, 0.535, 165.94, 33.82],
        [0.555, 0.529, 166.64, 33.83],
        [0.563, 0.537, 165.96, 33.82],
    ];
    Published {
        name: "Table 3".into(),
        rows: "elements".into(),
        columns: vec![
            column("facesim_cur", "FaceSim-Cur", Direction::Higher, 3),
            column("facesim_arc", "FaceSim-Arc", Direction::Higher, 3),
            column("fid", "FID", Direction::Lower, 2),
            column("clip_score", "CLIPScore", Direction::Higher, 2),
        ],
        cells: SIZES
            .iter()
            .zip(cells)
            .map(|(size, row)| (json!(size), row.map(Some).to_vec()))
            .collect(),
    }
}

/// The items of the main job's report.
pub(crate) fn items() -> Vec<Item> {
    vec![
        Item::Table(table()),
        Item::Chart(ChartSpec {
            id: "figure8".into(),
            title: String::new(),
            drawing: Drawing::Lines {
                x: "elements".into(),
                axis: Axis::Log2,
                metrics: vec!["retrieval_top1".into(), "retrieval_map".into()],
                by: String::new(),
            },
            beside: Some(paper()),
            beside_columns: vec!["facesim_cur".into(), "facesim_arc".into()],
            caption: "Retrieval of unseen people across poses against the size of the dictionary."
                .into(),
        }),
        Item::Chart(ChartSpec {
            id: "all_metrics".into(),
            title: "All metrics".into(),
            drawing: Drawing::Lines {
                x: "elements".into(),
                axis: Axis::Log2,
                metrics: Vec::new(),
                by: String::new(),
            },
            beside: Some(paper()),
            beside_columns: Vec::new(),
            caption: String::new(),
        }),
        Item::Chart(ChartSpec {
            id: "figure10".into(),
            title: "Figure 10: aligner loss".into(),
            drawing: Drawing::Curve { curve: "loss".into(), axis: Axis::Log10 },
            beside: None,
            beside_columns: Vec::new(),
            caption: "Contrastive loss of the aligner during training.".into(),
        }),
    ]
}

/// The main job's table.
pub(crate) fn table() -> TableSpec {
    TableSpec {
        id: "table3".into(),
        title: "Table 3: size of the dictionary".into(),
        rows: vec!["elements".into()],
        columns: Vec::new(),
        only: BTreeMap::new(),
        against: Some(("elements".into(), json!(4096))),
        beside: Some(paper()),
        origin: None,
        caption: "Unseen people, gallery frontal, probes in all poses.".into(),
    }
}

/// One claim of each verdict.
pub(crate) fn claims() -> Vec<Claim> {
    let claim = |text: &str, verdict, evidence: &str| Claim {
        text: text.into(),
        verdict,
        evidence: evidence.into(),
    };
    vec![
        claim(
            "4096 elements retrieve best",
            Verdict::Inconclusive,
            "0.712 [0.690, 0.733] against 0.709 [0.688, 0.730] of 8192: p = 0.41",
        ),
        claim(
            "1024 elements retrieve worse than 4096",
            Verdict::Reproduced,
            "difference −0.091 [−0.103, −0.079], p = 0.0004 over 64 people and 3 seeds",
        ),
        claim(
            "The loss ends near 0.2",
            Verdict::Contradicted,
            "1.08 [1.02, 1.14] at 4096 elements",
        ),
    ]
}

/// Two sizes, two seeds, four people, and one trial still to come.
pub(crate) fn few() -> Results {
    let mut few = Results {
        experiment: "few".into(),
        asks: "Do 4096 elements beat 1024?".into(),
        scale: "smoke".into(),
        varied: vec![("elements".into(), vec![json!(1024), json!(4096), json!(8192)])],
        metrics: METRICS[..1].iter().chain(&METRICS[7..]).map(metric).collect(),
        anchors: anchors().into_iter().take(1).collect(),
        planned: 6,
        finished: 4,
        ..Results::default()
    };
    for (size, level) in [(1024, 0.5), (4096, 0.7)] {
        for seed in 0..2 {
            let row = |identity: Option<&str>, metric: &str, value: f64| Observation {
                settings: settings(size),
                seed,
                metric: metric.into(),
                identity: identity.map(Into::into),
                value,
            };
            for (place, who) in ["ann", "bob", "eve", "joe"].into_iter().enumerate() {
                let value = level + 0.01 * place as f64 * (1.0 + seed as f64);
                few.observations.push(row(Some(who), "retrieval_top1", value));
            }
            few.observations.push(row(
                None,
                "dictionary_dead",
                40.0 * level * (1.0 + 0.1 * seed as f64),
            ));
        }
    }
    few
}

/// A table of [`few`] beside two lines of the paper.
pub(crate) fn few_table() -> TableSpec {
    let mut beside = paper();
    beside.columns.truncate(1);
    beside.cells.truncate(2);
    beside.cells[1].1[0] = None;
    TableSpec {
        id: "sizes".into(),
        title: String::new(),
        rows: vec!["elements".into()],
        columns: Vec::new(),
        only: BTreeMap::new(),
        against: None,
        beside: Some(beside),
        origin: None,
        caption: "50 % of R_1 & R_2.".into(),
    }
}
