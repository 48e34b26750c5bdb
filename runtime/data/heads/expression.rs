//! Facial expressions: weights of the mesh's 34 expression units, and where the eyes look.

use ffrun_models::stream::Stream;

use super::error::HeadsError;
use super::mesh::HeadMesh;
use super::shape::apply;
use super::vector::V3;

/// The expression units, in the order of [`Expression::weights`].
pub(crate) const UNITS: [&str; 34] = [
    "eye-left-closure",
    "eye-left-opened-up",
    "eye-left-slit",
    "eye-right-closure",
    "eye-right-opened-up",
    "eye-right-slit",
    "eyebrows-left-down",
    "eyebrows-left-extern-up",
    "eyebrows-left-inner-up",
    "eyebrows-left-up",
    "eyebrows-right-down",
    "eyebrows-right-extern-up",
    "eyebrows-right-inner-up",
    "eyebrows-right-up",
    "mouth-compression",
    "mouth-corner-puller",
    "mouth-depression",
    "mouth-depression-retraction",
    "mouth-elevation",
    "mouth-eversion",
    "mouth-open",
    "mouth-parling",
    "mouth-part-later",
    "mouth-protusion",
    "mouth-pursing",
    "mouth-retraction",
    "mouth-upward-retraction",
    "neck-platysma",
    "nose-compression",
    "nose-depression",
    "nose-left-dilatation",
    "nose-left-elevation",
    "nose-right-dilatation",
    "nose-right-elevation",
];

/// An expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expression {
    /// Weight of each of [`UNITS`], 0 = at rest, 1 = full.
    pub(crate) weights: [f32; 34],
    /// Where the eyes look: to image right and up of straight ahead, as sines.
    pub(crate) gaze: [f32; 2],
}

/// A named mood: units and their weights at full strength.
type Mood = (&'static str, &'static [(&'static str, f32)]);

const MOODS: [Mood; 8] = [
    ("a neutral face", &[]),
    ("a smile", &[("mouth-corner-puller", 0.75), ("mouth-part-later", 0.35), ("eye-slit", 0.4)]),
    (
        "a broad laugh",
        &[
            ("mouth-corner-puller", 0.9),
            ("mouth-open", 0.42),
            ("mouth-upward-retraction", 0.3),
            ("eye-slit", 0.7),
            ("eyebrows-up", 0.3),
        ],
    ),
    (
        "surprise",
        &[
            ("mouth-open", 0.75),
            ("eyebrows-up", 1.0),
            ("eyebrows-extern-up", 0.5),
            ("eye-opened-up", 1.0),
        ],
    ),
    (
        "an angry frown",
        &[
            ("eyebrows-down", 1.0),
            ("mouth-compression", 0.6),
            ("nose-elevation", 0.6),
            ("eye-slit", 0.4),
        ],
    ),
    ("a sad look", &[("eyebrows-inner-up", 1.0), ("mouth-depression", 0.8), ("eye-slit", 0.3)]),
    ("pursed lips", &[("mouth-pursing", 0.8), ("mouth-protusion", 0.4)]),
    (
        "a shout",
        &[
            ("mouth-open", 1.0),
            ("eyebrows-down", 0.6),
            ("mouth-retraction", 0.5),
            ("eye-slit", 0.5),
        ],
    ),
];

impl Default for Expression {
    fn default() -> Self {
        Self { weights: [0.0; 34], gaze: [0.0; 2] }
    }
}

impl Expression {
    /// Mood `number` (modulo their count) at this strength, 0…1, and its name for captions.
    pub(crate) fn mood(number: usize, strength: f32) -> (Self, &'static str) {
        let (name, parts) = MOODS[number % MOODS.len()];
        let mut expression = Self::default();
        for &(unit, weight) in parts {
            expression.raise(unit, weight * strength);
        }
        (expression, name)
    }

    /// A random mood with its own asymmetry, gaze and blinks; strength 0 gives a neutral face
    /// that looks straight ahead.
    pub(crate) fn draw(stream: &mut Stream, strength: f32) -> (Self, &'static str) {
        let number = if stream.chance(0.3) { 0 } else { stream.below(MOODS.len()) };
        let (mut expression, mut name) = Self::mood(number, strength * stream.between(0.35, 1.0));
        for weight in &mut expression.weights {
            *weight = (*weight + 0.06 * strength * stream.normal()).clamp(0.0, 1.0);
        }
        expression.gaze = [0, 1].map(|_| strength * stream.between(-0.16, 0.16));
        if stream.chance(0.04 * strength) {
            expression.raise("eye-closure", 1.0);
        }
        if strength < 0.05 {
            name = MOODS[0].0;
        }
        (expression, name)
    }

    /// Adds `weight` to a unit. `eye-…`, `eyebrows-…` and `nose-…` without a side raise both.
    pub(crate) fn raise(&mut self, unit: &str, weight: f32) {
        let names = match unit.split_once('-') {
            Some((part @ ("eye" | "eyebrows"), rest)) => {
                vec![format!("{part}-left-{rest}"), format!("{part}-right-{rest}")]
            }
            Some(("nose", rest @ ("elevation" | "dilatation"))) => {
                vec![format!("nose-left-{rest}"), format!("nose-right-{rest}")]
            }
            _ => vec![unit.to_owned()],
        };
        for (name, value) in UNITS.iter().zip(&mut self.weights) {
            if names.iter().any(|wanted| wanted == name) {
                *value = (*value + weight).clamp(0.0, 1.0);
            }
        }
    }

    /// From self (t = 0) to `other` (t = 1).
    pub(crate) fn toward(&self, other: &Self, t: f32) -> Self {
        let step = |a: f32, b: f32| a + (b - a) * t;
        Self {
            weights: std::array::from_fn(|i| step(self.weights[i], other.weights[i])),
            gaze: std::array::from_fn(|i| step(self.gaze[i], other.gaze[i])),
        }
    }

    /// Moves the base mesh's vertices. Says whether anything moved.
    pub(crate) fn apply(&self, mesh: &HeadMesh, positions: &mut [V3]) -> Result<bool, HeadsError> {
        let mut moved = false;
        for (unit, &weight) in UNITS.iter().zip(&self.weights) {
            if weight > 1e-3 {
                apply(positions, mesh.target(&format!("expr/{unit}"))?, weight);
                moved = true;
            }
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::{Expression, MOODS, UNITS};
    use crate::data::heads::mesh::HeadMesh;

    #[test]
    fn every_unit_is_a_target_and_every_mood_moves_units() {
        let mesh = HeadMesh::shared().expect("mesh");
        assert!(UNITS.iter().all(|unit| mesh.target(&format!("expr/{unit}")).is_ok()));
        for (number, (name, units, ..)) in MOODS.iter().enumerate() {
            let (expression, _) = Expression::mood(number, 1.0);
            let raised = expression.weights.iter().filter(|&&w| w > 0.0).count();
            assert!(raised >= units.len(), "{name}");
        }
    }

    #[test]
    fn an_open_mouth_lowers_the_lip() {
        let mesh = HeadMesh::shared().expect("mesh");
        let mut positions = mesh.base.clone();
        let mut open = Expression::default();
        assert!(!open.apply(mesh, &mut positions).expect("targets"));
        open.raise("mouth-open", 1.0);
        assert!(open.apply(mesh, &mut positions).expect("targets"));
        assert!(positions[494][1] < mesh.base[494][1] - 0.2);
    }
}
