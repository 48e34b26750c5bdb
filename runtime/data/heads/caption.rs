//! Captions: sentences built from what was drawn, so that text can be checked against pictures.

use super::identity::{Beard, Cut, Person};
use super::outfit::Outfit;

/// `a young man with short black hair and a beard`.
pub(crate) fn person(person: &Person) -> String {
    let mut words = format!("{} {} with {}", person.age_word(), person.noun(), hair(person));
    if let Some(beard) = beard(person.beard) {
        words.push_str(" and ");
        words.push_str(beard);
    }
    words
}

/// `wearing a navy T-shirt`.
pub(crate) fn clothes(outfit: &Outfit) -> String {
    let (colour, noun) = outfit.words;
    let article = if colour.starts_with(['o', 'u', 'a', 'e', 'i']) { "an" } else { "a" };
    format!("wearing {article} {colour} {noun}")
}

fn hair(person: &Person) -> String {
    let colour = person.hair.colour_name;
    match person.hair.cut {
        Cut::Bald => "a bald head".into(),
        Cut::Buzz => format!("cropped {colour} hair"),
        Cut::Short | Cut::Quiff => format!("short {colour} hair"),
        Cut::Bob => format!("chin-length {colour} hair"),
        Cut::Long => format!("long {colour} hair"),
        Cut::Bun => format!("{colour} hair in a bun"),
        Cut::Ponytail => format!("{colour} hair in a ponytail"),
        Cut::Curly => format!("curly {colour} hair"),
    }
}

fn beard(beard: Beard) -> Option<&'static str> {
    if beard.cheeks > 0.6 {
        Some("a beard")
    } else if beard.cheeks > 0.3 {
        Some("stubble")
    } else if beard.chin > 0.3 {
        Some("a goatee")
    } else if beard.moustache > 0.3 {
        Some("a moustache")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{clothes, person};
    use crate::data::heads::identity::{Cut, Person};
    use crate::data::heads::outfit::Outfit;
    use ffrun_models::stream::Stream;

    #[test]
    fn captions_name_what_is_drawn() {
        let mut someone = Person::draw(1, 4);
        someone.hair.cut = Cut::Curly;
        someone.hair.colour_name = "red";
        someone.beard.cheeks = 1.0;
        someone.female = 0.0;
        someone.age = 0.0;
        assert_eq!(person(&someone), "a young man with curly red hair and a beard");
        let mut outfit = Outfit::draw(&mut Stream::new(1, "test", 0));
        outfit.words = ("olive", "T-shirt");
        assert_eq!(clothes(&outfit), "wearing an olive T-shirt");
    }
}
