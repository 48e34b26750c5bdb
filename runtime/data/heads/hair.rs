//! Scalp hair as geometry: a shell over the skull that falls freely where it is long.

use super::anatomy::SKULL;
use super::identity::{Cut, Hair};
use super::noise::Noise;
use super::pose::sine_cosine;
use super::skull::{COLUMNS, ROWS, azimuth_deg, elevation_deg};
use super::vector::{V3, add, lerp, scale, smoothstep, sub, unit};

/// A sheet or knot of hair.
pub(crate) struct Locks {
    /// Positions.
    pub(crate) points: Vec<V3>,
    /// Across and along the strands, in units of the streak noise; the third is unused.
    pub(crate) strands: Vec<V3>,
    /// Radians inside the edge of the hair; negative where there is none.
    pub(crate) inside: Vec<f32>,
    /// Share of the head's rotation each point follows.
    pub(crate) sway: Vec<f32>,
    /// Triangles.
    pub(crate) triangles: Vec<[u32; 3]>,
}

/// Nodes of a hairline: |azimuth|, elevation, both in degrees.
type Line = &'static [(f32, f32)];

const CROPPED: Line = &[
    (0.0, 41.0),
    (18.0, 42.0),
    (38.0, 39.0),
    (52.0, 30.0),
    (62.0, 14.0),
    (68.0, -6.0),
    (74.0, -14.0),
    (79.0, -6.0),
    (85.0, 12.0),
    (102.0, 17.0),
    (113.0, 6.0),
    (124.0, -16.0),
    (140.0, -32.0),
    (180.0, -40.0),
];
const FLOWING: Line = &[
    (0.0, 42.0),
    (20.0, 41.0),
    (40.0, 33.0),
    (54.0, 17.0),
    (62.0, -12.0),
    (67.0, -60.0),
    (72.0, -90.0),
    (180.0, -90.0),
];
/// Elevation below which long hair leaves the skull and falls, degrees.
const FALL_DEG: f32 = 4.0;

impl Hair {
    /// Radians inside the hairline in a direction (|azimuth|, elevation); negative on bare skin.
    /// This is what is painted on the scalp itself.
    pub(crate) fn rooted(&self, direction: [f32; 2]) -> f32 {
        let [azimuth, elevation] = direction.map(f32::to_degrees);
        let temples = smoothstep(14.0, 32.0, azimuth) * smoothstep(62.0, 40.0, azimuth);
        let front = smoothstep(75.0, 45.0, azimuth);
        let lift = self.receding * (35.0 * temples + 12.0 * front) + self.height * 57.3 * front;
        let inside = elevation - along(CROPPED, azimuth) - lift;
        match self.cut {
            // A ring behind the ears; no sideburns.
            Cut::Bald => (inside.min(24.0 - elevation).min(azimuth - 98.0) - 2.0) / 57.3,
            _ => inside / 57.3,
        }
    }

    /// The shell on a head whose skull grid (see `Skull::points`) lies at `skull`.
    pub(crate) fn grow(&self, skull: &[V3]) -> Option<Locks> {
        if self.cut == Cut::Bald {
            return None;
        }
        let mut locks = self.shell(skull);
        match self.cut {
            Cut::Bun => locks.merge(knot([0.0, 8.22, -0.22], 0.36 * self.volume)),
            Cut::Ponytail => locks.merge(tail(self.length)),
            _ => {}
        }
        Some(locks)
    }

    fn shell(&self, skull: &[V3]) -> Locks {
        let mut locks = Locks::empty();
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let place = [azimuth_deg(column), elevation_deg(row)];
                let inside = self.inside(place);
                let point = self.place(skull, row, column, inside);
                let curl = if self.cut == Cut::Curly { 7.0 } else { 1.0 };
                locks.points.push(point);
                locks.strands.push([
                    column as f32 * 256.0 / (COLUMNS - 1) as f32,
                    row as f32 * 0.22 * curl,
                    0.0,
                ]);
                locks.inside.push(inside);
                locks.sway.push(smoothstep(4.6, 6.6, point[1]));
            }
        }
        locks.triangles = sheet(ROWS, COLUMNS);
        // Triangles with no hair at any corner would only cost time.
        let inside = &locks.inside;
        locks.triangles.retain(|t| t.iter().any(|&v| inside[v as usize] > -0.1));
        locks
    }

    /// Whether the hair covers the ears and falls below them.
    pub(crate) fn falls(&self) -> bool {
        matches!(self.cut, Cut::Bob | Cut::Long)
    }

    /// Radians inside the edge of the shell at [azimuth, elevation] in degrees.
    fn inside(&self, [azimuth, elevation]: [f32; 2]) -> f32 {
        let rooted = self.rooted([azimuth.abs(), elevation].map(f32::to_radians));
        if !self.falls() {
            let fringe =
                if self.fringe { (elevation - self.fringe_line(azimuth)) / 57.3 } else { rooted };
            return rooted.max(fringe.min(rooted + 0.30));
        }
        let ends = (elevation - self.tip_deg()) / 57.3;
        let flowing = (elevation - along(FLOWING, azimuth.abs())) / 57.3;
        let front = if self.fringe { (elevation - self.fringe_line(azimuth)) / 57.3 } else { -1.0 };
        flowing.max(front).min(ends)
    }

    /// Lower edge of the fringe in degrees of elevation, longer on the side it is combed to.
    fn fringe_line(&self, azimuth: f32) -> f32 {
        24.0 + 0.06 * azimuth * self.parting + smoothstep(40.0, 58.0, azimuth.abs()) * 40.0
    }

    /// Row (as an elevation) at which falling hair ends.
    fn tip_deg(&self) -> f32 {
        let length = if self.cut == Cut::Bob { 0.42 } else { 0.95 };
        lerp(FALL_DEG, LOWEST_FALL, (length * self.length).min(1.0))
    }

    fn place(&self, skull: &[V3], row: usize, column: usize, inside: f32) -> V3 {
        let (azimuth, elevation) = (azimuth_deg(column), elevation_deg(row));
        let root = skull[row * COLUMNS + column];
        let outward = unit(sub(root, SKULL));
        let taper = smoothstep(-0.02, 0.32, inside);
        if !self.falls() || elevation > FALL_DEG || azimuth.abs() < 50.0 {
            let off = self.thickness(azimuth, elevation, root) * taper + 0.012;
            return add(root, scale(outward, off));
        }
        // Past the widest row the hair hangs from it.
        let from = skull[fall_row() * COLUMNS + column];
        let level = unit([from[0] - SKULL[0], 0.0, from[2] - SKULL[2]]);
        let drop = (FALL_DEG - elevation) / (FALL_DEG - LOWEST_FALL);
        let back = smoothstep(110.0, 160.0, azimuth.abs());
        let off = self.thickness(azimuth, FALL_DEG, from) * 0.9 + drop * (0.06 + 0.16 * back);
        let fallen = add(from, scale(level, off));
        [fallen[0], fallen[1] - 2.45 * drop, fallen[2]]
    }

    /// Decimetres the hair stands off the skull.
    fn thickness(&self, azimuth: f32, elevation: f32, root: V3) -> f32 {
        let top = smoothstep(15.0, 60.0, elevation);
        let front = smoothstep(100.0, 20.0, azimuth.abs());
        let parting = root[0] - 0.30 * self.parting;
        let groove = 1.0 - 0.45 * top * smoothstep(0.14, 0.0, parting.abs());
        let off = match self.cut {
            Cut::Bald => 0.0,
            Cut::Buzz => 0.02,
            Cut::Short => lerp(0.055, 0.13, top) * groove,
            Cut::Quiff => lerp(0.045, 0.13 + 0.11 * front, top),
            Cut::Bob => lerp(0.15, 0.13, top) * groove,
            Cut::Long => lerp(0.12, 0.11, top) * groove,
            Cut::Bun | Cut::Ponytail => 0.045,
            Cut::Curly => 0.30 + 0.09 * Noise::shared().at(scale(root, 4.3)),
        };
        off * self.volume
    }
}

/// Elevation that stands for the end of the longest fall, degrees.
const LOWEST_FALL: f32 = super::skull::LOWEST_DEG;

fn fall_row() -> usize {
    (0..ROWS).find(|&row| elevation_deg(row) <= FALL_DEG).unwrap_or(ROWS - 1)
}

/// A polyline at x.
fn along(line: Line, x: f32) -> f32 {
    let after = line.iter().position(|&(node, _)| node >= x).unwrap_or(line.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (line[after - 1], line[after]);
    lerp(y0, y1, ((x - x0) / (x1 - x0)).clamp(0.0, 1.0))
}

/// Triangles of a grid whose rows go down and whose columns go to +azimuth, outside outward.
fn sheet(rows: usize, columns: usize) -> Vec<[u32; 3]> {
    let mut triangles = Vec::with_capacity(rows * columns * 2);
    for row in 0..rows - 1 {
        for column in 0..columns - 1 {
            let a = (row * columns + column) as u32;
            let (b, c) = (a + 1, a + columns as u32);
            triangles.push([a, c, b]);
            triangles.push([b, c, c + 1]);
        }
    }
    triangles
}

impl Locks {
    fn empty() -> Self {
        Self {
            points: Vec::new(),
            strands: Vec::new(),
            inside: Vec::new(),
            sway: Vec::new(),
            triangles: Vec::new(),
        }
    }

    fn merge(&mut self, other: Self) {
        let first = self.points.len() as u32;
        self.points.extend(other.points);
        self.strands.extend(other.strands);
        self.inside.extend(other.inside);
        self.sway.extend(other.sway);
        self.triangles.extend(other.triangles.iter().map(|t| t.map(|v| v + first)));
    }
}

/// A body of revolution about a path of (centre, radius): a knot or a tail of hair.
fn tube(path: &[(V3, f32)], sway: f32) -> Locks {
    const AROUND: usize = 13;
    let mut locks = Locks::empty();
    for (step, &(centre, radius)) in path.iter().enumerate() {
        for column in 0..AROUND {
            let [s, c] = sine_cosine(360.0 * column as f32 / (AROUND - 1) as f32).map(|x| x as f32);
            locks.points.push(add(centre, [radius * s, 0.0, radius * c]));
            locks.strands.push([column as f32 * 8.0, step as f32 * 0.5, 0.0]);
            locks.inside.push(1.0);
            locks.sway.push(sway);
        }
    }
    locks.triangles = sheet(path.len(), AROUND);
    locks
}

fn knot(centre: V3, radius: f32) -> Locks {
    let ring = |step: i16| {
        let [s, c] = sine_cosine(90.0 - 22.5 * f32::from(step)).map(|x| x as f32);
        (add(centre, [0.0, radius * s, 0.0]), radius * c.max(0.01))
    };
    tube(&(0..9).map(ring).collect::<Vec<_>>(), 1.0)
}

fn tail(length: f32) -> Locks {
    let ring = |step: i16| {
        let t = f32::from(step) / 9.0;
        let width = 0.20 * smoothstep(-0.1, 0.25, t) * smoothstep(1.12, 0.6, t) + 0.02;
        let back = -0.42 - 0.30 * smoothstep(0.0, 0.3, t) + 0.12 * t;
        (
            [0.0, 7.75 + 0.1 * smoothstep(0.0, 0.15, t) - 1.75 * length * t * t, back].map(|x| x),
            width,
        )
    };
    let mut locks = tube(&(0..10).map(ring).collect::<Vec<_>>(), 0.85);
    for point in &mut locks.points {
        point[1] += 0.02;
    }
    locks
}
