//! Whose clips are which.

use crate::stages::clipset::Clips;

/// The clips of each person, consecutive in a set, by family.
pub(super) struct People {
    people: Vec<(String, Vec<usize>)>,
    /// Of each clip: how its counterparts are found.
    families: Vec<String>,
}

impl People {
    /// Of a set of clips.
    pub(super) fn of(clips: &Clips) -> Self {
        let mut people: Vec<(String, Vec<usize>)> = Vec::new();
        for (clip, label) in clips.labels.iter().enumerate() {
            match people.last_mut() {
                Some((name, known)) if *name == label.identity => known.push(clip),
                _ => people.push((label.identity.clone(), vec![clip])),
            }
        }
        let families = clips.labels.iter().map(|label| label.family.clone()).collect();
        Self { people, families }
    }

    /// How many people.
    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// Names and clips.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.people.iter().map(|(name, clips)| (name.as_str(), clips.as_slice()))
    }

    /// One clip of every other person, of the same family, so that little but the person tells them
    /// apart. People without such a clip have none.
    pub(super) fn counterparts(&self, clip: usize) -> impl Iterator<Item = usize> {
        let family = &self.families[clip];
        let others = self.people.iter().filter(move |(_, clips)| !clips.contains(&clip));
        others.filter_map(move |(_, clips)| {
            clips.iter().copied().find(|other| self.families[*other] == *family)
        })
    }

    /// One counterpart of each clip: of the next person, the first after the last.
    pub(super) fn next(&self, clip: usize) -> Option<usize> {
        let after = self.counterparts(clip).find(|other| *other > clip);
        after.or_else(|| self.counterparts(clip).next())
    }
}

#[cfg(test)]
mod tests {
    use super::People;

    fn people() -> People {
        let person = |name: &str, clips: &[usize]| (name.to_owned(), clips.to_vec());
        People {
            people: vec![person("a", &[0, 1]), person("b", &[2, 3]), person("c", &[4])],
            families: ["speech", "boxing", "boxing", "speech", "boxing"].map(str::to_owned).into(),
        }
    }

    #[test]
    fn counterparts_are_other_people_in_the_same_family() {
        let people = people();
        let of = |clip| people.counterparts(clip).collect::<Vec<_>>();
        assert_eq!([of(0), of(1), of(4)], [vec![3], vec![2, 4], vec![1, 2]]);
        assert_eq!(
            [0, 1, 2, 4].map(|clip| people.next(clip)),
            [Some(3), Some(2), Some(4), Some(1)]
        );
    }
}
