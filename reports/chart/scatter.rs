//! Points of groups in planes without units, such as t-SNE: a colour and a shape for each group,
//! and a tick for a direction.

use serde::{Deserialize, Serialize};

use super::figure::{Width, measured_scene};
use super::font;
use super::palette::Colour;
use super::scene::{Mark, Point, Scene, TextStyle};

/// A plane of points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// Heading.
    pub label: String,
    /// A line below the heading, such as how well the groups are apart.
    pub note: String,
    /// What the ticks show; empty without ticks.
    pub tick: String,
    /// The points.
    pub points: Vec<ScatterPoint>,
}

/// A point of a [`Scatter`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScatterPoint {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Which group it belongs to.
    pub group: String,
    /// Direction and length of its tick, right and up, at most 1 long.
    pub tick: [f64; 2],
}

/// Height of a panel's heading and note.
const HEADER: f64 = 34.0;
/// Gap between panels.
const GUTTER: f64 = 16.0;
/// Room between the frame and the outermost points, as a share of the panel.
const INSET: f64 = 0.08;
/// Half the size of a marker.
const RADIUS: f64 = 4.0;
/// Length of a whole tick.
const TICK: f64 = 11.0;
/// Shortest tick that is drawn, as a share of a whole one.
const LEAST_TICK: f64 = 0.05;
/// Size of small text.
const SMALL: f64 = 10.0;
/// Height of a line of the legend.
const LINE: f64 = 16.0;

/// Panels side by side, three to a row where there is room, and one legend.
pub(crate) fn scene(panels: &[Scatter], origin: &str, width: Width) -> Scene {
    let (mut scene, margin) = measured_scene(width, origin);
    let groups = groups(panels);
    legend(&mut scene, &groups, panels, margin);
    let columns = if width == Width::Narrow { 1 } else { panels.len().clamp(1, 3) };
    let inner = scene.width - 2.0 * margin;
    let side = (inner - GUTTER * (columns - 1) as f64) / columns as f64;
    let side = side.min(340.0);
    for row in panels.chunks(columns) {
        let top = scene.height;
        for (column, panel) in row.iter().enumerate() {
            let left = margin + (side + GUTTER) * column as f64;
            panel.draw(&mut scene, (left, top, side), &groups);
        }
        scene.height = top + HEADER + side + GUTTER;
    }
    scene.height += margin - GUTTER;
    scene
}

/// All groups in order of their names: a group looks the same in every panel.
fn groups(panels: &[Scatter]) -> Vec<String> {
    let all = panels.iter().flat_map(|panel| panel.points.iter().map(|point| point.group.clone()));
    let mut groups: Vec<String> = all.collect();
    groups.sort();
    groups.dedup();
    groups
}

fn legend(scene: &mut Scene, groups: &[String], panels: &[Scatter], margin: f64) {
    let ink = TextStyle::new(SMALL, Colour::Ink);
    let (mut left, mut top) = (margin, scene.height);
    for (place, group) in groups.iter().enumerate() {
        let wide = 2.0 * RADIUS + 6.0 + font::width(group, SMALL, false) + 14.0;
        if left > margin && left + wide > scene.width - margin {
            (left, top) = (margin, top + LINE);
        }
        marker(scene, (left + RADIUS, top + LINE / 2.0), place);
        let text = (left + 2.0 * RADIUS + 6.0, top + LINE / 2.0 + SMALL * 0.36);
        scene.text(text, group.as_str(), ink);
        left += wide;
    }
    let tick = panels.iter().map(|panel| panel.tick.as_str()).find(|tick| !tick.is_empty());
    if let Some(tick) = tick {
        top += LINE;
        let middle = top + LINE / 2.0;
        scene.rule((margin, middle), (margin + TICK, middle), 1.5, Colour::Muted);
        let muted = TextStyle::new(SMALL, Colour::Muted);
        scene.text((margin + TICK + 6.0, middle + SMALL * 0.36), tick, muted);
    }
    scene.height = top + LINE + 8.0;
}

impl Scatter {
    fn draw(&self, scene: &mut Scene, (left, top, side): (f64, f64, f64), groups: &[String]) {
        let bold = TextStyle::new(12.0, Colour::Ink).bold();
        scene.text((left, top + 11.0), self.label.as_str(), bold);
        let muted = TextStyle::new(SMALL, Colour::Muted);
        let note = if self.points.is_empty() { "nothing measured yet" } else { self.note.as_str() };
        scene.text((left, top + 25.0), note, muted);
        let top = top + HEADER;
        let (right, bottom) = (left + side, top + side);
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        let frame = Mark::Line { points: corners.to_vec(), thickness: 1.0, colour: Colour::Grid };
        scene.marks.push(frame);
        let middle = (left + side / 2.0, top + side / 2.0);
        let places: Vec<(Point, usize)> = self.places(middle, side * (0.5 - INSET), groups);
        for ((at, group), point) in places.iter().zip(&self.points) {
            let [right, up] = point.tick;
            let length = right.hypot(up);
            if length > LEAST_TICK {
                // It starts at the rim of the marker, so that its whole length is seen.
                let reach = (RADIUS + TICK * length) / length;
                scene.rule(*at, (at.0 + reach * right, at.1 - reach * up), 1.25, colour(*group));
            }
        }
        for (at, group) in places {
            marker(scene, at, group);
        }
    }

    /// Where each point lies, on one scale for both axes: only distances mean something.
    fn places(&self, middle: Point, reach: f64, groups: &[String]) -> Vec<(Point, usize)> {
        let ends = |of: fn(&ScatterPoint) -> f64| {
            let values = self.points.iter().map(of);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let (x, y) = (ends(|point| point.x), ends(|point| point.y));
        let half = ((x.1 - x.0).max(y.1 - y.0) / 2.0).max(f64::MIN_POSITIVE);
        let centre = (f64::midpoint(x.0, x.1), f64::midpoint(y.0, y.1));
        let place = |point: &ScatterPoint| {
            let right = (point.x - centre.0) / half * reach;
            let up = (point.y - centre.1) / half * reach;
            let group = groups.iter().position(|group| *group == point.group).unwrap_or(0);
            ((middle.0 + right, middle.1 - up), group)
        };
        self.points.iter().map(place).collect()
    }
}

fn colour(group: usize) -> Colour {
    Colour::Kind(group)
}

/// A marker whose shape tells groups apart where colours cannot.
fn marker(scene: &mut Scene, at: Point, group: usize) {
    if group.is_multiple_of(SHAPES.len() + 1) {
        scene.marks.push(Mark::Dot { centre: at, radius: RADIUS + 1.25, colour: Colour::Paper });
        scene.marks.push(Mark::Dot { centre: at, radius: RADIUS, colour: colour(group) });
        return;
    }
    let shape = SHAPES[group % (SHAPES.len() + 1) - 1];
    for (size, ink) in [(RADIUS + 1.5, Colour::Paper), (RADIUS + 0.25, colour(group))] {
        let points = shape.iter().map(|(x, y)| (at.0 + size * x, at.1 + size * y)).collect();
        scene.marks.push(Mark::Area { points, colour: ink, opacity: 1.0 });
    }
}

/// Outlines on a disc of radius 1, y downwards: all but the disc, which comes first.
const SHAPES: [&[Point]; 6] = [
    &[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    &[(0.0, -1.1), (1.05, 0.8), (-1.05, 0.8)],
    &[(0.0, -1.2), (1.0, 0.0), (0.0, 1.2), (-1.0, 0.0)],
    &[(0.0, 1.1), (-1.05, -0.8), (1.05, -0.8)],
    // A plus.
    &[
        (-0.35, -1.1),
        (0.35, -1.1),
        (0.35, -0.35),
        (1.1, -0.35),
        (1.1, 0.35),
        (0.35, 0.35),
        (0.35, 1.1),
        (-0.35, 1.1),
        (-0.35, 0.35),
        (-1.1, 0.35),
        (-1.1, -0.35),
        (-0.35, -0.35),
    ],
    // A pentagon.
    &[(0.0, -1.1), (1.05, -0.34), (0.65, 0.89), (-0.65, 0.89), (-1.05, -0.34)],
];

#[cfg(test)]
mod tests {
    use super::{Scatter, ScatterPoint, scene};
    use crate::chart::Width;
    use crate::chart::scene::Mark;

    fn panel(people: usize) -> Scatter {
        let point = |at: usize| ScatterPoint {
            x: at as f64,
            y: -(at as f64),
            group: format!("test-{at:05}"),
            tick: [0.5, 0.0],
        };
        Scatter {
            label: "aligner".into(),
            note: "silhouette 0.3".into(),
            tick: "where the nose points".into(),
            points: (0..people).map(point).collect(),
        }
    }

    #[test]
    fn seven_people_have_seven_looks_and_stay_in_their_frame() {
        let drawn = scene(&[panel(7), panel(7)], "scale tiny", Width::Wide);
        // Two marks a shape, in the legend and in both panels; the first person has a disc.
        let areas = drawn.marks.iter().filter(|mark| matches!(mark, Mark::Area { .. })).count();
        assert_eq!(areas, 2 * 6 * 3);
        let inside = |(x, y): (f64, f64)| {
            (0.0..=drawn.width).contains(&x) && (0.0..=drawn.height).contains(&y)
        };
        for mark in &drawn.marks {
            if let Mark::Area { points, .. } | Mark::Line { points, .. } = mark {
                assert!(points.iter().all(|point| inside(*point)), "{mark:?}");
            }
        }
        let narrow = scene(&[panel(7), panel(7)], "scale tiny", Width::Narrow);
        assert!(narrow.height > 2.0 * 300.0, "one below the other on a phone");
    }

    #[test]
    fn nothing_and_one_point_are_drawn_too() {
        assert!(scene(&[], "", Width::Wide).height > 0.0);
        assert!(scene(&[panel(0), panel(1)], "", Width::Wide).height > 200.0);
    }
}
