//! The places backgrounds show, each with its own colours and furniture.

use ffrun_models::stream::Stream;

use super::backdrop::Backdrop;

/// A colour near this one.
fn near(stream: &mut Stream, colour: [u8; 3]) -> [u8; 3] {
    let shift = stream.between(-16.0, 16.0);
    colour.map(|c| (f32::from(c) + shift + stream.between(-12.0, 12.0)).clamp(8.0, 250.0) as u8)
}

/// A colour near one of these.
fn near_one<const N: usize>(stream: &mut Stream, colours: [[u8; 3]; N]) -> [u8; 3] {
    let chosen = stream.below(N);
    near(stream, colours[chosen])
}

/// A lit wall of one colour.
pub(super) fn wall(stream: &mut Stream) -> Backdrop {
    let tones = [
        [196, 198, 200],
        [120, 124, 130],
        [92, 120, 158],
        [178, 158, 134],
        [150, 172, 150],
        [166, 108, 96],
        [226, 222, 214],
        [66, 70, 78],
        [190, 160, 178],
        [214, 190, 120],
    ];
    let tone = tones[stream.below(tones.len())];
    let top = near(stream, tone);
    let mut wall = Backdrop::plain(top, top.map(|c| (f32::from(c) * 0.82) as u8));
    let at = stream.between(0.2, 0.8);
    let bright = top.map(|c| (f32::from(c) * 1.12).min(255.0) as u8);
    wall.put(true, ([at, 0.35], [0.6, 0.6]), 0.95, bright);
    wall
}

/// A dark gym with lamps, a punching bag and a barbell.
pub(super) fn gym(stream: &mut Stream) -> Backdrop {
    let mut gym = Backdrop::plain(near(stream, [44, 46, 54]), near(stream, [64, 58, 54]));
    for lamp in 0..3 {
        let x = 0.18 + 0.32 * lamp as f32 + stream.between(-0.05, 0.05);
        gym.blob([x, 0.07], [0.10, 0.035], [236, 232, 214]);
    }
    let bag = stream.between(0.08, 0.25);
    gym.block([bag, 0.16], [0.008, 0.2], [96, 96, 100]);
    gym.block([bag, 0.55], [0.075, 0.24], near(stream, [120, 34, 32]));
    gym.block([0.8, 0.62], [0.2, 0.02], [110, 112, 118]);
    for plate in 0..3 {
        let x = 0.68 + 0.12 * plate as f32;
        gym.blob([x, 0.62], [0.035, 0.09], near(stream, [30, 30, 34]));
    }
    gym.block([0.5, 0.97], [0.6, 0.09], near(stream, [84, 72, 58]));
    gym
}

/// Houses under a sky, a road and a parked car.
pub(super) fn street(stream: &mut Stream) -> Backdrop {
    let mut street = Backdrop::plain(near(stream, [172, 194, 216]), near(stream, [206, 206, 204]));
    for house in 0..4 {
        let (x, tall) = (0.1 + 0.27 * house as f32, stream.between(0.3, 0.5));
        let tone = near_one(stream, [[142, 112, 94], [120, 122, 130], [168, 150, 124]]);
        street.block([x, 0.78 - tall / 2.0], [0.125, tall / 2.0 + 0.1], tone);
        let glass = near(stream, [74, 92, 112]);
        for window in 0..6 {
            let (column, row) = ((window % 2) as f32, (window / 2) as f32);
            let middle = [x - 0.05 + 0.1 * column, 0.72 - tall + 0.13 * (row + 1.0)];
            street.put(false, (middle, [0.025, 0.036]), 0.012, glass);
        }
    }
    street.block([0.5, 0.98], [0.6, 0.14], near(stream, [98, 98, 100]));
    let car = stream.between(0.05, 0.9);
    let paint = near_one(stream, [[160, 44, 40], [50, 76, 128], [210, 208, 204]]);
    street.blob([car, 0.84], [0.16, 0.07], paint);
    street
}

/// A curtain in a spotlight.
pub(super) fn stage(stream: &mut Stream) -> Backdrop {
    let red = stream.chance(0.6);
    let curtain = near(stream, if red { [110, 24, 32] } else { [38, 42, 92] });
    let mut stage = Backdrop::plain(curtain, curtain.map(|c| c / 2));
    for fold in 0..9 {
        let x = fold as f32 / 8.0 + stream.between(-0.03, 0.03);
        let tone = curtain.map(|c| (f32::from(c) * if fold % 2 == 0 { 0.55 } else { 1.35 }) as u8);
        stage.put(false, ([x, 0.4], [0.03, 0.6]), 0.05, tone);
    }
    stage.block([0.5, 1.0], [0.6, 0.12], near(stream, [104, 70, 44]));
    let spot = stream.between(0.2, 0.8);
    stage.put(true, ([spot, 0.05], [0.18, 0.5]), 0.9, [206, 190, 160]);
    stage.thin(0.55);
    stage
}

/// A room with a window, a picture, a lamp and a sofa.
pub(super) fn room(stream: &mut Stream) -> Backdrop {
    let tone = near_one(stream, [[208, 190, 162], [176, 188, 178], [200, 180, 180]]);
    let mut room = Backdrop::plain(tone, tone.map(|c| (f32::from(c) * 0.86) as u8));
    let left = stream.chance(0.5);
    let side = |x: f32| if left { x } else { 1.0 - x };
    room.block([side(0.16), 0.26], [0.14, 0.2], [236, 234, 226]);
    room.block([side(0.16), 0.26], [0.12, 0.18], near(stream, [176, 206, 228]));
    room.block([side(0.16), 0.26], [0.006, 0.19], [232, 230, 224]);
    room.block([side(0.82), 0.24], [0.10, 0.09], near(stream, [96, 72, 54]));
    room.block([side(0.82), 0.24], [0.085, 0.074], near(stream, [140, 150, 120]));
    room.block([side(0.92), 0.52], [0.01, 0.2], [90, 76, 60]);
    room.blob([side(0.92), 0.42], [0.09, 0.07], [248, 226, 170]);
    let sofa = near_one(stream, [[110, 70, 62], [84, 98, 116], [126, 120, 96]]);
    room.block([0.5, 0.9], [0.48, 0.17], sofa);
    room
}

/// Grass, trees and clouds.
pub(super) fn field(stream: &mut Stream) -> Backdrop {
    let mut field = Backdrop::plain(near(stream, [134, 178, 222]), near(stream, [206, 220, 226]));
    for _ in 0..3 {
        let middle = [stream.between(0.0, 1.0), stream.between(0.05, 0.25)];
        field.put(true, (middle, [stream.between(0.12, 0.25), 0.05]), 0.8, [240, 242, 244]);
    }
    for tree in 0..6 {
        let x = 0.02 + 0.19 * tree as f32 + stream.between(-0.05, 0.05);
        let tall = stream.between(0.09, 0.2);
        field.blob([x, 0.56], [0.13, tall], near(stream, [52, 84, 48]));
    }
    field.block([0.5, 0.85], [0.6, 0.24], near(stream, [96, 142, 62]));
    field
}

/// Blinds, a shelf of books and a desk.
pub(super) fn office(stream: &mut Stream) -> Backdrop {
    let mut office = Backdrop::plain(near(stream, [206, 210, 214]), near(stream, [180, 182, 184]));
    for blind in 0..7 {
        let y = 0.06 + 0.07 * blind as f32;
        office.put(false, ([0.26, y], [0.24, 0.022]), 0.012, [234, 240, 246]);
    }
    let shelf = near(stream, [130, 98, 68]);
    office.block([0.82, 0.4], [0.16, 0.36], shelf);
    for book in 0..10 {
        let (column, row) = ((book % 5) as f32, (book / 5) as f32);
        let tones = [[150, 52, 48], [54, 84, 128], [196, 176, 120], [66, 104, 76]];
        let tone = near_one(stream, tones);
        let half = [0.02, stream.between(0.07, 0.1)];
        office.put(false, ([0.71 + 0.055 * column, 0.2 + 0.27 * row], half), 0.012, tone);
    }
    office.block([0.5, 0.98], [0.6, 0.1], near(stream, [112, 88, 66]));
    office
}

/// Mirrors, a barre and a wooden floor.
pub(super) fn studio(stream: &mut Stream) -> Backdrop {
    let mut studio = Backdrop::plain(near(stream, [222, 216, 206]), near(stream, [206, 196, 182]));
    for mirror in 0..3 {
        let x = 0.17 + 0.33 * mirror as f32;
        studio.block([x, 0.36], [0.145, 0.34], near(stream, [168, 184, 192]));
        studio.block([x - 0.05, 0.3], [0.03, 0.26], near(stream, [196, 208, 214]));
    }
    studio.put(false, ([0.5, 0.6], [0.6, 0.012]), 0.012, near(stream, [136, 92, 56]));
    studio.block([0.5, 0.95], [0.6, 0.15], near(stream, [186, 146, 100]));
    studio
}

/// A brick wall.
pub(super) fn bricks(stream: &mut Stream) -> Backdrop {
    let tone = near_one(stream, [[150, 84, 64], [168, 150, 134], [120, 70, 60]]);
    let mut wall = Backdrop::plain(tone.map(|c| (f32::from(c) * 0.78) as u8), tone.map(|c| c / 2));
    for brick in 0..60 {
        let (column, row) = (brick % 6, brick / 6);
        let shift = if row % 2 == 0 { 0.0 } else { 0.1 };
        let middle = [0.2 * column as f32 + shift - 0.02, 0.05 + 0.1 * row as f32];
        wall.put(false, (middle, [0.088, 0.038]), 0.012, near(stream, tone));
    }
    wall
}
