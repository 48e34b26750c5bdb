//! Names beside points, placed so that none covers another or a point.

use super::font;
use super::palette::Colour;
use super::panel::Frame;
use super::scene::{Anchor, Point, Scene, TextStyle};

/// A name and the point it belongs to, in the panel's units.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// The point.
    pub(crate) at: (f64, f64),
    /// The name.
    pub(crate) text: String,
}

/// Size of the text.
const SIZE: f64 = 11.0;
/// Half of the height that a line of text takes.
const HALF: f64 = 6.5;
/// Room that a point takes.
const DOT: f64 = 5.0;
/// Distances from the point that are tried, nearest first.
const DISTANCES: [f64; 5] = [8.0, 15.0, 24.0, 36.0, 50.0];
/// From this distance on a thin line leads back to the point.
const FAR: f64 = 12.0;

/// Left, top, right, bottom.
type Box4 = [f64; 4];

/// Draws names near their points, inside the plot, clear of `taken` points and of each other as far
/// as there is room.
pub(crate) fn draw(scene: &mut Scene, plot: Frame, labels: &[(Point, &str)], taken: &[Point]) {
    let dots: Vec<Box4> = taken.iter().map(|(x, y)| [x - DOT, y - DOT, x + DOT, y + DOT]).collect();
    let mut placed: Vec<Box4> = Vec::new();
    for (point, text) in labels {
        let Some((place, distance)) = best(*point, text, plot, (&dots, &placed)) else { continue };
        if distance > FAR {
            let end = nearest(*point, place);
            scene.rule(*point, end, 0.75, Colour::Axis);
        }
        let at =
            (f64::midpoint(place[0], place[2]), f64::midpoint(place[1], place[3]) + SIZE * 0.36);
        let style = TextStyle::new(SIZE, Colour::Ink).anchored(Anchor::Middle);
        scene.text(at, *text, style);
        placed.push(place);
    }
}

/// The candidate that covers least, first of equals.
fn best(
    point: Point,
    text: &str,
    plot: Frame,
    (dots, placed): (&[Box4], &[Box4]),
) -> Option<(Box4, f64)> {
    let wide = font::width(text, SIZE, false);
    let cost = |place: &Box4| {
        let of = |others: &[Box4]| others.iter().map(|other| overlap(place, other)).sum::<f64>();
        3.0 * outside(place, plot) + 2.0 * of(placed) + of(dots)
    };
    let candidates = DISTANCES.into_iter().flat_map(|distance| {
        places(point, wide, distance).into_iter().map(move |place| (place, distance))
    });
    let costs = candidates.map(|(place, distance)| (cost(&place), place, distance));
    costs.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, place, distance)| (place, distance))
}

/// Right, left, above, below, and between these.
fn places((x, y): Point, wide: f64, distance: f64) -> [Box4; 8] {
    let slant = distance * 0.7;
    let middle = wide / 2.0;
    let around = |left: f64, centre: f64| [left, centre - HALF, left + wide, centre + HALF];
    [
        around(x + distance, y),
        around(x - distance - wide, y),
        around(x - middle, y - distance - HALF),
        around(x - middle, y + distance + HALF),
        around(x + slant, y - slant - HALF),
        around(x + slant, y + slant + HALF),
        around(x - slant - wide, y - slant - HALF),
        around(x - slant - wide, y + slant + HALF),
    ]
}

fn overlap(a: &Box4, b: &Box4) -> f64 {
    let wide = a[2].min(b[2]) - a[0].max(b[0]);
    let high = a[3].min(b[3]) - a[1].max(b[1]);
    wide.max(0.0) * high.max(0.0)
}

/// Area of a place outside of the plot.
fn outside(place: &Box4, plot: Frame) -> f64 {
    let whole = (place[2] - place[0]) * (place[3] - place[1]);
    let inside = [plot.left, plot.top, plot.left + plot.width, plot.top + plot.height];
    whole - overlap(place, &inside)
}

/// The point of a place nearest to another.
fn nearest((x, y): Point, place: Box4) -> Point {
    (x.clamp(place[0], place[2]), y.clamp(place[1], place[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::scene::Mark;

    #[test]
    fn crowded_names_do_not_cover_each_other_or_points() {
        let plot = Frame { left: 0.0, top: 0.0, width: 400.0, height: 200.0 };
        let points: Vec<Point> = (0..9)
            .map(|at| (200.0 + f64::from(at % 3) * 9.0, 100.0 + f64::from(at / 3) * 9.0))
            .collect();
        let labels: Vec<(Point, &str)> = points.iter().map(|point| (*point, "a method")).collect();
        let mut scene = Scene::new(400.0, 200.0);
        draw(&mut scene, plot, &labels, &points);
        let wide = font::width("a method", SIZE, false);
        let boxes: Vec<Box4> = scene
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Text { at: (x, y), .. } => {
                    let centre = y - SIZE * 0.36;
                    Some([x - wide / 2.0, centre - HALF, x + wide / 2.0, centre + HALF])
                }
                _ => None,
            })
            .collect();
        assert_eq!(boxes.len(), 9);
        for (at, one) in boxes.iter().enumerate() {
            assert!(boxes[at + 1..].iter().all(|other| overlap(one, other) < 1e-6), "{boxes:?}");
            assert!(outside(one, plot) < 1e-6);
        }
    }
}
