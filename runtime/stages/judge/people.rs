//! Whose clips are which.

use crate::stages::clipset::Clips;

/// The clips of each person, consecutive in a set.
pub(super) struct People(Vec<(String, Vec<usize>)>);

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
        Self(people)
    }

    /// How many people.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Names and clips.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0.iter().map(|(name, clips)| (name.as_str(), clips.as_slice()))
    }

    /// The clips of other people that stand where `clip` stands among its person's: of the same
    /// family, so that nothing but the person tells them apart.
    pub(super) fn counterparts(&self, clip: usize) -> impl Iterator<Item = usize> {
        let own = self.0.iter().find_map(|(_, clips)| clips.iter().position(|at| *at == clip));
        let place = own.unwrap_or(0);
        let clips = self.0.iter().filter_map(move |(_, clips)| clips.get(place).copied());
        clips.filter(move |other| *other != clip)
    }

    /// One counterpart of each clip: of the next person, the first after the last.
    pub(super) fn next(&self, clip: usize) -> Option<usize> {
        let after = self.counterparts(clip).find(|other| *other > clip);
        after.or_else(|| self.counterparts(clip).next())
    }
}
