//! Motion programmes: pose, expression and hands at every moment of a clip.

use ffrun_models::stream::Stream;

use super::expression::Expression;
use super::family::Family;
use super::pose::{Pose, sine_cosine};
use super::vector::{lerp, smoothstep};
use super::view::shoulders;

/// Where a person is at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Pose of the head; yaw may pass ±180° and is wrapped in labels.
    pub(crate) head: Pose,
    /// Pose of the shoulders.
    pub(crate) shoulders: Pose,
    /// The face.
    pub(crate) expression: Expression,
    /// How far the body is from its place, decimetres right and up.
    pub(crate) offset: [f32; 2],
    /// Gloves: place on the picture plane, size and lean.
    pub(crate) gloves: Vec<([f32; 2], f32, f32)>,
}

/// A programme with its own tempo and sides.
pub(crate) struct Motion {
    family: Family,
    /// +1 (image right) or −1: which side comes first.
    pub(crate) side: f32,
    /// Cycles a second, around 1.
    tempo: f32,
    /// How large movements are, around 1.
    vigour: f32,
    /// Start within the cycle, in turns.
    phase: f32,
    /// Yaw around which the movement lies, degrees.
    rest_deg: f32,
    /// Poses and faces that `expressions` passes through.
    keys: Vec<(Pose, Expression)>,
    /// Seconds of the clip.
    seconds: f32,
}

/// Key poses of `expressions` that are prepared; enough for a minute.
const KEYS: usize = 96;

impl Motion {
    /// A programme of this family over `seconds`.
    pub(crate) fn draw(family: Family, seconds: f32, stream: &mut Stream) -> Self {
        Self {
            family,
            side: if stream.chance(0.5) { 1.0 } else { -1.0 },
            tempo: stream.between(0.8, 1.25),
            vigour: stream.between(0.75, 1.15),
            phase: stream.uniform(),
            rest_deg: stream.between(-18.0, 18.0),
            keys: (0..KEYS).map(|_| key(stream)).collect(),
            seconds,
        }
    }

    /// The moment at `time` seconds.
    pub(crate) fn at(&self, time: f32) -> Moment {
        let mut moment = match self.family {
            Family::Boxing => self.boxing(time),
            Family::Dancing => self.dancing(time),
            Family::Turning => self.turning(time),
            Family::Ballet => self.ballet(time),
            Family::Speech => self.speech(time),
            Family::Expressions => self.expressions(time),
        };
        moment.expression.raise("eye-closure", self.blink(time));
        moment
    }

    /// Sine of a movement `rate` times as fast as the tempo, −1…1.
    fn wave(&self, time: f32, rate: f32, shift: f32) -> f32 {
        sine_cosine(360.0 * (time * self.tempo * rate + self.phase + shift))[0] as f32
    }

    /// Lids close for a fifth of a second every three to four seconds.
    fn blink(&self, time: f32) -> f32 {
        let since = (time + 3.5 * self.phase) % (3.0 * self.tempo + 0.6);
        smoothstep(0.10, 0.03, (since - 0.3).abs())
    }

    fn boxing(&self, time: f32) -> Moment {
        let head = Pose::new(
            self.rest_deg + 34.0 * self.vigour * self.wave(time, 0.45, 0.0),
            -6.0 + 9.0 * self.wave(time, 0.9, 0.3),
            10.0 * self.wave(time, 0.45, 0.15),
        );
        let (expression, _) = Expression::mood(4, 0.55 + 0.3 * self.wave(time, 0.9, 0.0));
        let offset = [0.22 * self.wave(time, 0.45, 0.1), 0.10 * self.wave(time, 0.9, 0.6)];
        let gloves = [-1.0f32, 1.0].map(|hand| self.glove(time, hand)).to_vec();
        Moment { head, shoulders: shoulders(head, 0.5, 0.0), expression, offset, gloves }
    }

    /// A glove waits beside the chin, then strikes across the face towards the camera.
    fn glove(&self, time: f32, hand: f32) -> ([f32; 2], f32, f32) {
        let turn = time * self.tempo * 0.9 + self.phase + if hand > 0.0 { 0.5 } else { 0.0 };
        let cycle = turn - turn.floor();
        let strike = smoothstep(0.0, 0.26, cycle) * smoothstep(0.52, 0.28, cycle);
        let guard = [hand * 1.0, 5.72 + 0.08 * self.wave(time, 0.9, 0.2)];
        let target = [-hand * 0.15, 6.95];
        let place = [lerp(guard[0], target[0], strike), lerp(guard[1], target[1], strike)];
        (place, 1.15 + 0.45 * strike, hand * lerp(-0.15, -0.75, strike))
    }

    fn dancing(&self, time: f32) -> Moment {
        let head = Pose::new(
            52.0 * self.vigour * self.wave(time, 0.8, 0.0),
            8.0 * self.wave(time, 1.6, 0.2),
            16.0 * self.wave(time, 0.8, 0.25),
        );
        let (expression, _) = Expression::mood(1, 0.6 + 0.4 * self.wave(time, 0.4, 0.0));
        let offset = [0.25 * self.wave(time, 0.4, 0.0), 0.12 * self.wave(time, 1.6, 0.0)];
        let body = shoulders(head, 0.35, 7.0 * self.wave(time, 0.8, 0.4));
        Moment { head, shoulders: body, expression, offset, gloves: Vec::new() }
    }

    fn turning(&self, time: f32) -> Moment {
        let (start, end) = (0.12 * self.seconds, (0.55 + 0.2 * self.phase) * self.seconds);
        // The head leads the shoulders.
        let away = |lead: f32| smoothstep(end - lead, start - lead, time);
        let head = Pose::new(
            self.side * 180.0 * away(0.06 * self.seconds) + 4.0 * self.wave(time, 0.3, 0.0),
            3.0 * self.wave(time, 0.35, 0.0),
            -self.side * 6.0 * away(0.0) * (1.0 - away(0.0)) * 4.0,
        );
        let yaw = self.side * 180.0 * away(0.0);
        let body = Pose::new(yaw.clamp(head.yaw_deg - 62.0, head.yaw_deg + 62.0), 0.0, 0.0);
        let (expression, _) = Expression::mood(1, 0.7 * (1.0 - away(0.0)));
        let offset = [0.10 * self.wave(time, 0.25, 0.0), 0.0];
        Moment { head, shoulders: body, expression, offset, gloves: Vec::new() }
    }

    fn ballet(&self, time: f32) -> Moment {
        let turns = (time * self.tempo * 0.42 + self.phase) * self.side;
        let body_deg = 360.0 * turns;
        // Spotting: the head stays on the audience while the body turns, then overtakes it.
        let whole = turns.round();
        let within = turns - whole;
        let ahead = smoothstep(0.17, 0.40, within.abs()) * within.signum();
        let head_deg = 360.0 * whole + 180.0 * ahead + 12.0 * self.wave(time, 0.3, 0.0);
        let head_deg = head_deg.clamp(body_deg - 75.0, body_deg + 75.0);
        let head = Pose::new(head_deg, 6.0 + 5.0 * self.wave(time, 0.5, 0.0), 5.0 * self.side);
        let (expression, _) = Expression::mood(1, 0.35);
        let offset = [0.12 * self.wave(time, 0.42, 0.0), 0.10 * self.wave(time, 0.84, 0.0)];
        let body = Pose::new(body_deg, 0.0, 3.0 * self.wave(time, 0.42, 0.0));
        Moment { head, shoulders: body, expression, offset, gloves: Vec::new() }
    }

    fn speech(&self, time: f32) -> Moment {
        let head = Pose::new(
            self.rest_deg + 14.0 * self.vigour * self.wave(time, 0.23, 0.0),
            2.0 + 6.0 * self.wave(time, 0.7, 0.1) * self.wave(time, 0.19, 0.4),
            4.0 * self.wave(time, 0.31, 0.7),
        );
        let mut expression = Expression::default();
        // Two incommensurable rates give syllables of uneven weight.
        let beat = self.wave(time, 3.1, 0.0) * (0.6 + 0.4 * self.wave(time, 0.83, 0.5));
        expression.raise("mouth-open", 0.16 + 0.46 * beat.max(-0.3));
        expression.raise("mouth-protusion", (0.6 * self.wave(time, 1.3, 0.2)).max(0.0));
        expression.raise("mouth-corner-puller", (0.5 * self.wave(time, 0.9, 0.8)).max(0.0));
        expression.raise("eyebrows-up", (0.9 * self.wave(time, 0.37, 0.3)).max(0.0));
        let offset = [0.05 * self.wave(time, 0.2, 0.0), 0.02 * self.wave(time, 0.7, 0.0)];
        bare_handed(head, expression, offset)
    }

    fn expressions(&self, time: f32) -> Moment {
        let place = time * self.tempo * 1.15;
        let step = place.floor() as usize % (KEYS - 1);
        let t = smoothstep(0.25, 0.85, place - place.floor());
        let ((from, before), (to, after)) = (&self.keys[step], &self.keys[step + 1]);
        let head = from.toward(*to, t);
        let expression = before.toward(after, t);
        let offset = [0.06 * self.wave(time, 0.3, 0.0), 0.04 * self.wave(time, 0.5, 0.0)];
        bare_handed(head, expression, offset)
    }
}

fn key(stream: &mut Stream) -> (Pose, Expression) {
    let pose = Pose::new(
        stream.between(-62.0, 62.0),
        stream.between(-24.0, 24.0),
        stream.between(-16.0, 16.0),
    );
    let mood = stream.below(8);
    (pose, Expression::mood(mood, stream.between(0.75, 1.0)).0)
}

/// A moment without gloves, the shoulders following the head a little.
fn bare_handed(head: Pose, expression: Expression, offset: [f32; 2]) -> Moment {
    Moment { head, shoulders: shoulders(head, 0.3, 0.0), expression, offset, gloves: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::{Family, Motion, Stream};

    fn yaws(family: Family, seed: u64) -> Vec<f32> {
        let motion = Motion::draw(family, 4.0, &mut Stream::new(seed, "test", 0));
        (0..=40).map(|frame| motion.at(frame as f32 * 0.1).head.yaw_deg).collect()
    }

    #[test]
    fn turning_goes_from_the_back_to_the_front() {
        for seed in 0..8 {
            let yaws = yaws(Family::Turning, seed);
            assert!(yaws[0].abs() > 165.0, "{}", yaws[0]);
            assert!(yaws[40].abs() < 15.0, "{}", yaws[40]);
        }
    }

    #[test]
    fn ballet_turns_all_the_way_round() {
        for seed in 0..8 {
            let yaws = yaws(Family::Ballet, seed);
            assert!((yaws[40] - yaws[0]).abs() > 300.0, "{yaws:?}");
        }
    }

    #[test]
    fn gloves_come_before_the_face_and_go() {
        let motion = Motion::draw(Family::Boxing, 4.0, &mut Stream::new(0, "test", 0));
        let heights: Vec<f32> =
            (0..80).map(|frame| motion.at(frame as f32 * 0.05).gloves[0].0[1]).collect();
        let high = heights.iter().copied().fold(f32::MIN, f32::max);
        let low = heights.iter().copied().fold(f32::MAX, f32::min);
        assert!(high > 6.8 && low < 6.1, "{low} {high}");
    }

    #[test]
    fn speech_opens_and_closes_the_mouth() {
        let motion = Motion::draw(Family::Speech, 4.0, &mut Stream::new(3, "test", 0));
        let open = |frame: usize| motion.at(frame as f32 * 0.05).expression.weights[20];
        let widest = (0..80).map(open).fold(0.0, f32::max);
        let least = (0..80).map(open).fold(1.0, f32::min);
        assert!(widest > 0.4 && least < 0.1, "{least} {widest}");
    }
}
