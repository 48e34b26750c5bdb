//! FaceSim by pose as figures of the report.

use ffrun_reports::{
    chart::{Map, MapCell},
    sheet::{ChartSpec, Drawing, GivenLine, GivenPoint, Item},
};

use super::measured::Measured;
use crate::metrics::{
    observation::ClipSeen,
    video::{
        Clustered,
        pose_curve::{Bin, YAW_EDGES_DEG, by_yaw, points},
        pose_map::PoseMap,
    },
};

/// FaceSim by pose, by each recogniser: a curve over |yaw| and a map over yaw and pitch.
pub(super) fn figures(measured: &Measured, by_method: &[(String, Vec<ClipSeen>)]) -> Vec<Item> {
    let mut items = Vec::new();
    for recogniser in measured.networks.recognisers.keys() {
        let of_methods: Vec<_> = by_method
            .iter()
            .map(|(method, clips)| (method, points(clips, recogniser)))
            .filter(|(_, points)| !points.is_empty())
            .collect();
        if of_methods.is_empty() {
            continue;
        }
        let lines = of_methods.iter().map(|(method, points)| GivenLine {
            label: (*method).clone(),
            points: by_yaw(points, &YAW_EDGES_DEG).iter().map(point).collect(),
        });
        let maps = of_methods.iter().map(|(method, points)| {
            let edges = (&PoseMap::YAW_EDGES_DEG, &PoseMap::PITCH_EDGES_DEG);
            map(method, PoseMap::new(points, edges.0, edges.1))
        });
        let curve = Drawing::Given {
            x: "|yaw| of the face in the frame, °".into(),
            lines: lines.collect(),
        };
        let name = |what: &str| format!("{what}_{}", file_name(recogniser));
        let by = "Raw cosine with the reference, frames in which a face and its pose were found; \
                  bands are 95 % over identities.";
        items.push(chart(
            name("pose_curve"),
            format!("FaceSim by turn of the head ({recogniser})"),
            curve,
            by,
        ));
        let by =
            "Mean raw cosine and number of frames; yaw > 0 turns to image right, pitch > 0 up.";
        let maps = Drawing::Maps(maps.collect());
        items.push(chart(name("pose_map"), format!("FaceSim by pose ({recogniser})"), maps, by));
    }
    items
}

fn chart(id: String, title: String, drawing: Drawing, caption: &str) -> Item {
    let (beside, beside_columns, caption) = (None, Vec::new(), caption.to_owned());
    Item::Chart(ChartSpec { id, title, drawing, beside, beside_columns, caption })
}

fn point(bin: &Bin) -> Option<GivenPoint> {
    let Clustered { mean, low, high, .. } = bin.facesim?;
    let x = f64::midpoint(bin.from_to_deg[0], bin.from_to_deg[1]);
    Some(GivenPoint { x, y: mean, band: (!low.is_nan()).then_some((low, high)) })
}

fn map(method: &str, map: PoseMap) -> Map {
    let cell = |cell: &Option<Clustered>| cell.map(|c| MapCell { value: c.mean, count: c.count });
    Map {
        label: method.to_owned(),
        x: "yaw, °".to_owned(),
        x_edges: map.yaw_edges_deg,
        y: "pitch, °".to_owned(),
        y_edges: map.pitch_edges_deg,
        cells: map.cells.iter().map(|row| row.iter().map(cell).collect()).collect(),
        signed: false,
    }
}

/// A network's name as part of a file's.
fn file_name(name: &str) -> String {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() || sign == '-' { sign } else { '_' };
    name.chars().map(plain).collect()
}
