//! Similarity by the turn of the head in the frame: rows by |yaw|, and maps over yaw and pitch.

use std::{collections::BTreeMap, sync::Arc};

use ffrun_reports::{
    chart::{Map, MapCell},
    rows::{self, Direction, FrameScore, Metric, Observation},
    sheet::Drawing,
    stats::Frame,
};
use rhai::{Array, Map as Named};
use serde_json::{Value, json};

use super::results::{Point, Results};
use crate::{
    metrics::{
        PER_FRAME,
        video::{
            pose_curve::{self, bin_of},
            pose_map::PoseMap,
        },
    },
    script::{complaint::Complaint, suggest::did_you_mean_or_list},
};

/// The setting that rows by pose have in addition: the middle of a range of |yaw|.
const YAW: &str = "yaw_deg";
/// The metric that rows by pose have in addition.
const FACES: &str = "faces";

impl Results {
    /// The same experiment face by face, with the middle of a range of |yaw| as one more varied
    /// setting, and how many faces there are in it as one more metric.
    pub(super) fn by_yaw(&self, edges: &Array) -> Result<Self, Complaint> {
        let edges = ascending(edges)?;
        if self.rows.varied.iter().any(|(name, _)| name == YAW) {
            return Err(Complaint::new("contract", "these results are by yaw already"));
        }
        let middles: Vec<f64> = edges.windows(2).map(|at| f64::midpoint(at[0], at[1])).collect();
        let mut rows = rows::Results {
            metrics: self.measured_by_frame()?,
            observations: by_frame(&self.rows.frames, &edges, &middles),
            curves: Vec::new(),
            anchors: Vec::new(),
            frames: Vec::new(),
            planned: self.rows.planned * middles.len(),
            finished: self.rows.finished * middles.len(),
            ..rows::Results::clone(&self.rows)
        };
        rows.varied.push((YAW.to_owned(), middles.iter().map(|at| json!(at)).collect()));
        let frame = Arc::new(Frame::new(&rows));
        Ok(Self { rows: Arc::new(rows), frame, derived: true, ..self.clone() })
    }

    /// A map of similarity over yaw and pitch for each of some points.
    pub(super) fn pose_maps(&self, metric: &str, points: &Array) -> Result<Drawing, Complaint> {
        self.of_frames(metric)?;
        let map = |point: &rhai::Dynamic| {
            let point = point.read_lock::<Named>().ok_or_else(|| {
                Complaint::new("type", "`.pose_map` takes a metric and an array of points")
                    .hint("[#{ method: \"lora\" }, #{ method: \"faithful\" }]")
            })?;
            let point = self.point(&point)?;
            let map = PoseMap::new(
                &self.faces(metric, &point),
                &PoseMap::YAW_EDGES_DEG,
                &PoseMap::PITCH_EDGES_DEG,
            );
            Ok(drawn(map, label(&point), false))
        };
        points.iter().map(map).collect::<Result<_, Complaint>>().map(Drawing::Maps)
    }

    /// A map of how far one point is above another.
    pub(super) fn pose_difference(
        &self,
        metric: &str,
        left: &Named,
        right: &Named,
    ) -> Result<Drawing, Complaint> {
        self.of_frames(metric)?;
        let (left, right) = (self.point(left)?, self.point(right)?);
        let map = PoseMap::difference(
            [&self.faces(metric, &left), &self.faces(metric, &right)],
            &PoseMap::YAW_EDGES_DEG,
            &PoseMap::PITCH_EDGES_DEG,
        );
        let label = format!("{} \u{2212} {}", label(&left), label(&right));
        Ok(Drawing::Maps(vec![drawn(map, label, true)]))
    }

    /// Declared metrics that every frame has a number of, and the number of faces.
    fn measured_by_frame(&self) -> Result<Vec<Metric>, Complaint> {
        let declared = self.rows.metrics.iter().filter(|it| PER_FRAME.contains(&it.name.as_str()));
        let mut metrics: Vec<Metric> = declared.cloned().collect();
        if metrics.is_empty() {
            let message = "no declared metric has a number for every frame";
            let hint = format!("declare `{}`", PER_FRAME.join("` or `"));
            return Err(Complaint::new("contract", message).hint(hint));
        }
        metrics.push(Metric {
            name: FACES.to_owned(),
            label: "Faces".to_owned(),
            unit: String::new(),
            direction: Direction::Neutral,
            definition: "frames of a trial in which the in-world estimator sees a face so turned"
                .to_owned(),
            source: "what every score by pose should be read beside".to_owned(),
            version: 1,
            digits: 0,
        });
        Ok(metrics)
    }

    /// Refuses a metric that frames have no number of.
    fn of_frames(&self, metric: &str) -> Result<(), Complaint> {
        self.metric(metric)?;
        if PER_FRAME.contains(&metric) {
            return Ok(());
        }
        Err(Complaint::new("setting", format!("frames have no `{metric}` each"))
            .maybe_hint(did_you_mean_or_list(metric, PER_FRAME))
            .at(metric))
    }

    fn faces(&self, metric: &str, point: &Point) -> Vec<pose_curve::Point> {
        let own = |row: &&FrameScore| row.metric == metric && row.settings == *point;
        let face = |row: &FrameScore| pose_curve::Point {
            identity: row.identity.clone(),
            pitch_deg: row.pitch_deg,
            yaw_deg: row.yaw_deg,
            similarity: row.value,
        };
        self.rows.frames.iter().filter(own).map(face).collect()
    }
}

/// One observation for each face between the edges, and the number of faces of each trial.
fn by_frame(frames: &[FrameScore], edges: &[f64], middles: &[f64]) -> Vec<Observation> {
    let at_yaw = |settings: &BTreeMap<String, Value>, bin: usize| {
        let mut settings = settings.clone();
        settings.insert(YAW.to_owned(), json!(middles[bin]));
        settings
    };
    let mut observations = Vec::new();
    let mut counted: Vec<(&FrameScore, Vec<u32>)> = Vec::new();
    for row in frames {
        let Some(bin) = bin_of(row.yaw_deg.abs(), edges) else { continue };
        observations.push(Observation {
            settings: at_yaw(&row.settings, bin),
            seed: row.seed,
            metric: row.metric.clone(),
            identity: Some(row.identity.clone()),
            value: row.value,
        });
        let same = |first: &FrameScore| first.seed == row.seed && first.settings == row.settings;
        if counted.last().is_none_or(|(first, _)| !same(first)) {
            counted.push((row, vec![0; middles.len()]));
        }
        if let Some((first, counts)) = counted.last_mut()
            && first.metric == row.metric
        {
            counts[bin] += 1;
        }
    }
    for (first, counts) in counted {
        observations.extend(counts.into_iter().enumerate().map(|(bin, count)| Observation {
            settings: at_yaw(&first.settings, bin),
            seed: first.seed,
            metric: FACES.to_owned(),
            identity: None,
            value: f64::from(count),
        }));
    }
    observations
}

/// Edges of ranges of |yaw| in degrees.
fn ascending(edges: &Array) -> Result<Vec<f64>, Complaint> {
    let number = |value: &rhai::Dynamic| {
        value.as_float().ok().or_else(|| value.as_int().ok().map(|whole| whole as f64))
    };
    let found: Option<Vec<f64>> = edges.iter().map(number).collect();
    let rising = |edges: &Vec<f64>| {
        edges.len() > 1 && edges[0] >= 0.0 && edges.windows(2).all(|pair| pair[0] < pair[1])
    };
    found.filter(rising).ok_or_else(|| {
        Complaint::new("setting", "`.by_yaw` takes rising edges of |yaw| in degrees from 0")
            .hint("results.by_yaw([0, 20, 40, 60, 90])")
    })
}

/// The values of a point, as the heading of its map.
fn label(point: &Point) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    point.values().map(word).collect::<Vec<_>>().join(", ")
}

fn drawn(map: PoseMap, label: String, signed: bool) -> Map {
    let cell = |cell: &Option<crate::metrics::video::Clustered>| {
        cell.map(|found| MapCell { value: found.mean, count: found.count })
    };
    Map {
        label,
        x: "yaw, °".to_owned(),
        x_edges: map.yaw_edges_deg,
        y: "pitch, °".to_owned(),
        y_edges: map.pitch_edges_deg,
        cells: map.cells.iter().map(|row| row.iter().map(cell).collect()).collect(),
        signed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(method: &str, seed: u64, identity: &str, (yaw_deg, value): (f64, f64)) -> FrameScore {
        FrameScore {
            settings: BTreeMap::from([("method".to_owned(), json!(method))]),
            seed,
            metric: PER_FRAME[0].to_owned(),
            identity: identity.to_owned(),
            yaw_deg,
            pitch_deg: 0.0,
            value,
        }
    }

    #[test]
    fn faces_are_averaged_by_person_within_their_range_of_yaw() {
        let frames = [
            frame("ours", 0, "ann", (-5.0, 0.2)),
            frame("ours", 0, "ann", (9.0, 0.4)),
            frame("ours", 0, "bob", (12.0, 0.9)),
            frame("ours", 0, "bob", (50.0, 0.1)),
            frame("ours", 0, "bob", (95.0, -1.0)),
            frame("ours", 1, "ann", (19.9, 0.6)),
        ];
        let found = by_frame(&frames, &[0.0, 20.0, 60.0], &[10.0, 40.0]);
        let results = rows::Results { observations: found, ..Default::default() };
        let frame = Frame::new(&results);
        let at = |metric: &str, yaw: f64| {
            let point = BTreeMap::from([
                ("method".to_owned(), json!("ours")),
                (YAW.to_owned(), json!(yaw)),
            ]);
            frame.estimate(metric, &point).unwrap().mean
        };
        // Seed 0: ann .3, bob .9; seed 1: ann .6. Over what both have: ann alone.
        assert!((at(PER_FRAME[0], 10.0) - 0.45).abs() < 1e-9, "{}", at(PER_FRAME[0], 10.0));
        assert!((at(PER_FRAME[0], 40.0) - 0.1).abs() < 1e-9);
        assert_eq!((at(FACES, 10.0), at(FACES, 40.0)), (2.0, 0.5));
    }

    #[test]
    fn edges_must_rise() {
        let edges = |values: &[i64]| ascending(&values.iter().map(|it| (*it).into()).collect());
        assert_eq!(edges(&[0, 20, 90]).unwrap(), [0.0, 20.0, 90.0]);
        for wrong in [&[][..], &[0], &[20, 0], &[-10, 10]] {
            assert!(edges(wrong).is_err(), "{wrong:?}");
        }
    }
}
