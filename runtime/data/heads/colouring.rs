//! Natural colours of a person: skin, lips, eyes and hair, drawn to fit each other.

use ffrun_models::stream::Stream;

use super::vector::{V3, linear, mix};

/// Skin of this melanin (0 = light, 1 = dark), linear light.
pub(super) fn complexion(melanin: f32, stream: &mut Stream) -> V3 {
    let ladder = [
        [240, 205, 184],
        [226, 184, 155],
        [203, 155, 122],
        [160, 112, 82],
        [112, 74, 52],
        [78, 50, 38],
    ];
    let place = melanin * (ladder.len() - 1) as f32;
    let step = (place as usize).min(ladder.len() - 2);
    let base = mix(linear(ladder[step]), linear(ladder[step + 1]), place - step as f32);
    let (warmth, yellow) = (stream.normal() * 0.035, stream.normal() * 0.04);
    [base[0] * (1.0 + warmth), base[1] * (1.0 - 0.3 * warmth), base[2] * (1.0 - yellow - warmth)]
}

/// Lips on this skin, sometimes painted, linear light.
pub(super) fn lips(skin: V3, female: f32, stream: &mut Stream) -> V3 {
    let natural = [skin[0] * 0.80, skin[1] * 0.52, skin[2] * 0.56];
    let paints = [[168, 34, 48], [190, 74, 92], [150, 52, 60], [120, 30, 52]];
    let paint = linear(paints[stream.below(paints.len())]);
    let strength = stream.between(0.25, 0.8);
    if female > 0.5 && stream.chance(0.45) { mix(natural, paint, strength) } else { natural }
}

/// An iris that fits the skin, linear light.
pub(super) fn iris(melanin: f32, stream: &mut Stream) -> V3 {
    let light = [[86, 120, 150], [96, 128, 108], [120, 104, 66], [104, 130, 160]];
    let dark = [[62, 40, 26], [84, 54, 32], [50, 32, 24]];
    if stream.chance(0.65 - 1.6 * melanin) {
        linear(light[stream.below(light.len())])
    } else {
        linear(dark[stream.below(dark.len())])
    }
}

/// A hair colour that fits skin and age, linear light, and its word for captions.
pub(super) fn hair_colour(melanin: f32, age: f32, stream: &mut Stream) -> (V3, &'static str) {
    let grey = stream.chance((age - 0.25) * 2.0);
    let fair = stream.chance(0.75 - 2.0 * melanin);
    let fair_colours = [
        ([190, 148, 88], "blond"),
        ([150, 106, 60], "light brown"),
        ([126, 58, 30], "red"),
        ([206, 172, 116], "blond"),
        ([96, 62, 38], "brown"),
    ];
    let dark_colours = [
        ([26, 20, 18], "black"),
        ([36, 27, 22], "black"),
        ([58, 38, 26], "dark brown"),
        ([78, 50, 32], "brown"),
    ];
    let pick = stream.uniform();
    let (bytes, name) = if grey {
        ([172, 168, 164], "grey")
    } else if fair {
        fair_colours[(pick * fair_colours.len() as f32) as usize]
    } else {
        dark_colours[(pick * dark_colours.len() as f32) as usize]
    };
    let shade = 1.0 + 0.12 * stream.normal().clamp(-2.0, 2.0);
    (linear(bytes).map(|c| c * shade), name)
}
