//! Who a person is: everything about a face that no pose, light or clothes change.

use ffrun_models::stream::Stream;

use super::colouring::{complexion, hair_colour, iris, lips};
use super::vector::{V3, linear, mix};

/// A person of the world.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// World-wide number; see `Split::person`.
    pub(crate) number: u64,
    /// 0 = male, 1 = female; skewed to the ends.
    pub(crate) female: f32,
    /// 0 = young, 1 = old.
    pub(crate) age: f32,
    /// Shares of the mesh's three macro shapes (african, asian, caucasian); they add up to 1.
    pub(crate) ancestry: V3,
    /// Skin, linear light.
    pub(crate) skin: V3,
    /// Lips, linear light.
    pub(crate) lips: V3,
    /// Redness of cheeks and nose.
    pub(crate) blush: f32,
    /// Density of freckles; 0 for most people.
    pub(crate) freckles: f32,
    /// Iris, linear light.
    pub(crate) iris: V3,
    /// Scalp hair.
    pub(crate) hair: Hair,
    /// The eyebrows.
    pub(crate) brows: Brows,
    /// Facial hair.
    pub(crate) beard: Beard,
}

/// Cut of the scalp hair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// No hair on top.
    Bald,
    /// A few millimetres.
    Buzz,
    /// Ears and nape free.
    Short,
    /// Short sides, volume on top.
    Quiff,
    /// To the jaw.
    Bob,
    /// To the shoulders and beyond.
    Long,
    /// Drawn back into a knot.
    Bun,
    /// Drawn back, hanging behind.
    Ponytail,
    /// A ball of curls.
    Curly,
}

/// Scalp hair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hair {
    /// Its cut.
    pub(crate) cut: Cut,
    /// Its colour, linear light.
    pub(crate) colour: V3,
    /// Word for the colour in captions.
    pub(crate) colour_name: &'static str,
    /// How far it stands off the skull, around 1.
    pub(crate) volume: f32,
    /// Length of what hangs, around 1.
    pub(crate) length: f32,
    /// Where it parts: −1 = over the right eye, 0 = middle, 1 = over the left.
    pub(crate) parting: f32,
    /// A fringe down to the brows.
    pub(crate) fringe: bool,
    /// How far the hairline has moved back at the temples, radians.
    pub(crate) receding: f32,
    /// How high the hairline sits at the forehead, radians from the usual.
    pub(crate) height: f32,
}

/// The eyebrows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brows {
    /// Their colour, linear light.
    pub(crate) colour: V3,
    /// Half-thickness in decimetres.
    pub(crate) thickness: f32,
    /// Height of the arch in decimetres.
    pub(crate) arch: f32,
    /// Distance from the eye beyond the usual, decimetres.
    pub(crate) lift: f32,
    /// Opacity.
    pub(crate) density: f32,
}

/// Facial hair. Every part is an opacity from 0 (shaven) to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beard {
    /// Upper lip.
    pub(crate) moustache: f32,
    /// Chin.
    pub(crate) chin: f32,
    /// Cheeks and jaw.
    pub(crate) cheeks: f32,
    /// Shade of shaven stubble over all of it.
    pub(crate) stubble: f32,
    /// How far the hair stands off, decimetres.
    pub(crate) length: f32,
}

impl Person {
    /// Person `number` of the world with this seed.
    pub(crate) fn draw(world: u64, number: u64) -> Self {
        let stream = &mut Stream::new(world, "heads/person", number);
        let female = polar(stream);
        let age = 0.9 * stream.uniform() * stream.uniform();
        let ancestry = shares(stream);
        let tint = ancestry[0] * 0.85 + ancestry[1] * 0.32 + ancestry[2] * 0.14;
        let melanin = (tint + 0.10 * stream.normal()).clamp(0.0, 1.0);
        let skin = complexion(melanin, stream);
        let (hair_colour, colour_name) = hair_colour(melanin, age, stream);
        let hair = draw_hair(female, age, (hair_colour, colour_name), stream);
        let brown = linear([62, 42, 30]);
        let brow_colour = mix(hair_colour, brown, if colour_name == "grey" { 0.5 } else { 0.25 });
        Self {
            number,
            female,
            age,
            ancestry,
            skin,
            lips: lips(skin, female, stream),
            blush: stream.between(0.2, 1.0) * (1.0 - 0.6 * melanin),
            freckles: if melanin < 0.3 && stream.chance(0.15) { 1.0 } else { 0.0 },
            iris: iris(melanin, stream),
            hair,
            brows: draw_brows(female, brow_colour, stream),
            beard: draw_beard(female, age, stream),
        }
    }

    /// `man` or `woman`, for captions.
    pub(crate) fn noun(&self) -> &'static str {
        if self.female > 0.5 { "woman" } else { "man" }
    }

    /// `a young`, `an elderly`, … for captions.
    pub(crate) fn age_word(&self) -> &'static str {
        if self.age > 0.5 {
            "an elderly"
        } else if self.age > 0.22 {
            "a middle-aged"
        } else {
            "a young"
        }
    }
}

/// Uniform, pushed to the ends: square both shares and renormalise.
fn polar(stream: &mut Stream) -> f32 {
    let u = stream.uniform();
    let (a, b) = (u * u, (1.0 - u) * (1.0 - u));
    let share = a / (a + b);
    share * share / (share * share + (1.0 - share) * (1.0 - share))
}

/// Dirichlet(½·1₃): squares of three normals, renormalised.
fn shares(stream: &mut Stream) -> V3 {
    let squares: V3 = std::array::from_fn(|_| {
        let z = stream.normal();
        z * z
    });
    let sum = squares[0] + squares[1] + squares[2] + 1e-9;
    squares.map(|square| square / sum)
}

fn draw_hair(
    female: f32,
    age: f32,
    (colour, colour_name): (V3, &'static str),
    stream: &mut Stream,
) -> Hair {
    let men = [Cut::Short, Cut::Short, Cut::Quiff, Cut::Buzz, Cut::Quiff, Cut::Curly, Cut::Short];
    let women =
        [Cut::Long, Cut::Bob, Cut::Long, Cut::Bun, Cut::Ponytail, Cut::Curly, Cut::Bob, Cut::Short];
    let drawn =
        if female > 0.5 { women[stream.below(women.len())] } else { men[stream.below(men.len())] };
    let bald = female <= 0.5 && stream.chance(0.10 + 0.25 * age);
    let cut = if bald { Cut::Bald } else { drawn };
    let recession = if female > 0.5 { 0.03 } else { 0.12 + 0.35 * age };
    Hair {
        cut,
        colour,
        colour_name,
        volume: stream.between(0.75, 1.3),
        length: stream.between(0.75, 1.25),
        parting: stream.between(-1.0, 1.0),
        fringe: stream.chance(0.4) && matches!(cut, Cut::Bob | Cut::Long | Cut::Short),
        receding: recession * stream.uniform(),
        height: 0.07 * stream.normal().clamp(-2.0, 2.0),
    }
}

fn draw_brows(female: f32, colour: V3, stream: &mut Stream) -> Brows {
    let thick = if female > 0.5 { 0.034 } else { 0.046 };
    Brows {
        colour,
        thickness: thick * stream.between(0.7, 1.35),
        arch: stream.between(0.02, 0.10),
        lift: stream.between(-0.02, 0.035),
        density: stream.between(0.6, 0.95),
    }
}

fn draw_beard(female: f32, age: f32, stream: &mut Stream) -> Beard {
    let kind = stream.uniform();
    let (strength, length) = (stream.between(0.75, 1.0), stream.between(0.02, 0.10));
    let stubble = stream.between(0.0, 0.35);
    if female > 0.35 {
        return Beard::default();
    }
    let shaven = Beard { stubble, ..Beard::default() };
    if kind < 0.50 - 0.1 * age {
        shaven
    } else if kind < 0.62 {
        Beard { moustache: strength, length: 0.02, ..shaven }
    } else if kind < 0.76 {
        Beard { moustache: strength, chin: strength, length: length * 0.6, ..shaven }
    } else if kind < 0.86 {
        Beard { moustache: 0.45, chin: 0.5, cheeks: 0.42, stubble: 0.4, length: 0.0 }
    } else {
        Beard { moustache: strength, chin: strength, cheeks: strength, length, ..shaven }
    }
}

#[cfg(test)]
mod tests {
    use super::Person;

    #[test]
    fn a_number_is_one_person() {
        let (a, b, c) = (Person::draw(1, 7), Person::draw(1, 7), Person::draw(1, 8));
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        assert_ne!(format!("{a:?}"), format!("{c:?}"));
    }

    #[test]
    fn women_have_no_beards_and_shares_add_up() {
        for number in 0..300 {
            let person = Person::draw(3, number);
            let beard = person.beard.moustache + person.beard.chin + person.beard.cheeks;
            assert!(person.female <= 0.5 || beard == 0.0, "{number}");
            assert!((person.ancestry.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            assert!(person.skin.iter().all(|c| (0.0..1.0).contains(c)), "{:?}", person.skin);
        }
    }
}
