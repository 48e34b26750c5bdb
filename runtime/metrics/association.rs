//! Does a dictionary entry belong to a pose? Activations counted by entry and pose bin.

use ffrun_models::stream::Stream;

use super::usage::strongest;

/// Which entries are active on which faces. Entry i of every list is one face.
#[derive(Clone, Debug)]
pub struct Activations {
    /// Entries of the dictionary.
    pub elements: usize,
    /// The ten strongest entries of each face, as in Fig. 7.
    pub strongest: Vec<Vec<usize>>,
    /// The pose bin of each face.
    pub bin: Vec<usize>,
    /// Who is on each face.
    pub person: Vec<usize>,
    /// Pose bins.
    pub bins: usize,
}

/// The entries of a pose, and in which share of each pose's faces they are active.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The pose it was chosen for.
    pub bin: usize,
    /// Number of the entry.
    pub element: usize,
    /// Share of the faces of each pose in which it is active.
    pub shares: Vec<f64>,
}

/// How often the floor is drawn.
const SHUFFLES: u64 = 20;

impl Activations {
    /// Activations of faces by their dictionary weights W, row-major (faces × elements).
    pub fn new(weights: &[f32], elements: usize, bin: Vec<usize>, person: Vec<usize>) -> Self {
        let strongest = weights.chunks_exact(elements.max(1)).map(strongest).collect();
        let bins = bin.iter().max().map_or(0, |last| last + 1);
        Self { elements, strongest, bin, person, bins }
    }

    /// Each face's term of the normalised mutual information I(entry; pose)/H(pose) of activations:
    /// the mean over faces is the whole. 0 where all faces have one pose.
    pub fn information(&self) -> Vec<f64> {
        self.information_of(&self.bin)
    }

    /// The same with poses dealt anew among the faces of each person, mean of 20 deals: what is left
    /// where entries know who it is but not the pose.
    pub fn shuffled_information(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.bin.len()];
        for draw in 0..SHUFFLES {
            let terms = self.information_of(&self.shuffled(draw));
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term / SHUFFLES as f64);
        }
        sums
    }

    /// For each person, how much more often the entry of a pose is active in that pose than in
    /// others, mean over the poses: shares of the person's own faces. The entries are chosen on the
    /// other half of the people. `None` for a person in fewer than two poses.
    pub fn gaps(&self) -> Vec<Option<f64>> {
        let people = self.person.iter().max().map_or(0, |last| last + 1);
        let chosen = [0, 1].map(|half| self.chosen(1, |person| person % 2 != half));
        (0..people).map(|who| self.gap(who, &chosen[who % 2])).collect()
    }

    /// The `most` entries of each pose that are most its own among people of even number, and how
    /// often they are active among the others.
    pub fn entries(&self, most: usize) -> Vec<Entry> {
        let others: Vec<usize> =
            (0..self.bin.len()).filter(|&face| self.person[face] % 2 == 1).collect();
        let entry = |(bin, element): (usize, usize)| {
            let share = |bin: usize| {
                let of_bin = others.iter().filter(|&&face| self.bin[face] == bin);
                let active: Vec<bool> = of_bin.map(|&face| self.active(face, element)).collect();
                active.iter().filter(|active| **active).count() as f64 / active.len().max(1) as f64
            };
            Entry { bin, element, shares: (0..self.bins).map(share).collect() }
        };
        self.chosen(most, |person| person % 2 == 0).into_iter().map(entry).collect()
    }

    /// Whether an entry is among the strongest of a face.
    pub fn active(&self, face: usize, element: usize) -> bool {
        self.strongest[face].contains(&element)
    }

    fn information_of(&self, bin: &[usize]) -> Vec<f64> {
        let mut joint = vec![0.0; self.elements * self.bins];
        let (mut of_element, mut of_bin) = (vec![0.0; self.elements], vec![0.0; self.bins]);
        let mut faces_of_bin = vec![0.0; self.bins];
        for (active, &bin) in self.strongest.iter().zip(bin) {
            faces_of_bin[bin] += 1.0;
            for &element in active {
                joint[element * self.bins + bin] += 1.0;
                of_element[element] += 1.0;
                of_bin[bin] += 1.0;
            }
        }
        let (all, faces) = (of_bin.iter().sum::<f64>(), bin.len() as f64);
        let shares = faces_of_bin.iter().map(|count| count / faces).filter(|share| *share > 0.0);
        let entropy: f64 = shares.map(|share| -share * share.ln()).sum();
        let term = |(active, &bin): (&Vec<usize>, &usize)| {
            let nats = |&element: &usize| {
                let together = joint[element * self.bins + bin];
                (together * all / (of_element[element] * of_bin[bin])).ln()
            };
            let sum: f64 = active.iter().map(nats).sum();
            if entropy > 0.0 { sum / active.len().max(1) as f64 / entropy } else { 0.0 }
        };
        self.strongest.iter().zip(bin).map(term).collect()
    }

    fn shuffled(&self, draw: u64) -> Vec<usize> {
        let mut stream = Stream::new(0, "metrics/association", draw);
        let mut bin = self.bin.clone();
        let people = self.person.iter().max().map_or(0, |last| last + 1);
        for who in 0..people {
            let own: Vec<usize> = (0..bin.len()).filter(|&face| self.person[face] == who).collect();
            let mut dealt: Vec<usize> = own.iter().map(|&face| self.bin[face]).collect();
            stream.shuffle(&mut dealt);
            own.iter().zip(dealt).for_each(|(&face, new)| bin[face] = new);
        }
        bin
    }

    /// For each pose the `most` entries with the largest share of its faces over that of all other
    /// faces, among some people. Equal ones go to the lower number.
    fn chosen(&self, most: usize, among: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
        let mut joint = vec![0.0; self.elements * self.bins];
        let mut faces = vec![0.0; self.bins];
        for face in (0..self.bin.len()).filter(|&face| among(self.person[face])) {
            faces[self.bin[face]] += 1.0;
            for &element in &self.strongest[face] {
                joint[element * self.bins + self.bin[face]] += 1.0;
            }
        }
        let all: f64 = faces.iter().sum();
        let mut found = Vec::new();
        for bin in (0..self.bins).filter(|&bin| faces[bin] > 0.0 && all > faces[bin]) {
            let gap = |element: usize| {
                let row = &joint[element * self.bins..(element + 1) * self.bins];
                row[bin] / faces[bin] - (row.iter().sum::<f64>() - row[bin]) / (all - faces[bin])
            };
            let mut order: Vec<(f64, usize)> =
                (0..self.elements).map(|element| (gap(element), element)).collect();
            order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            found.extend(order.into_iter().take(most).map(|(_, element)| (bin, element)));
        }
        found
    }

    fn gap(&self, who: usize, chosen: &[(usize, usize)]) -> Option<f64> {
        let own: Vec<usize> =
            (0..self.bin.len()).filter(|&face| self.person[face] == who).collect();
        let share = |element: usize, wanted: &dyn Fn(usize) -> bool| {
            let faces = own.iter().filter(|&&face| wanted(self.bin[face]));
            let active: Vec<bool> = faces.map(|&face| self.active(face, element)).collect();
            let count = active.iter().filter(|active| **active).count();
            (!active.is_empty()).then(|| count as f64 / active.len() as f64)
        };
        let gaps: Vec<f64> = chosen
            .iter()
            .filter_map(|&(bin, element)| {
                Some(share(element, &|own| own == bin)? - share(element, &|own| own != bin)?)
            })
            .collect();
        (!gaps.is_empty()).then(|| gaps.iter().sum::<f64>() / gaps.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Activations;

    /// Two people, two poses, four faces each; which of two entries is active on each face.
    fn made(active: impl Fn(usize) -> usize) -> Activations {
        Activations {
            elements: 2,
            strongest: (0..16).map(|face| vec![active(face)]).collect(),
            bin: (0..16).map(|face| face % 2).collect(),
            person: (0..16).map(|face| face / 4).collect(),
            bins: 2,
        }
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn entries_that_are_poses_tell_everything() {
        let told = made(|face| face % 2);
        assert!((mean(&told.information()) - 1.0).abs() < 1e-12);
        assert!(told.gaps().iter().all(|gap| *gap == Some(1.0)));
        let entries = told.entries(1);
        assert_eq!((entries[0].element, &entries[0].shares[..]), (0, &[1.0, 0.0][..]));
        assert!(mean(&told.shuffled_information()) < 0.3);
    }

    #[test]
    fn entries_that_are_people_tell_nothing_of_poses() {
        let told = made(|face| face / 4 % 2);
        assert!(mean(&told.information()).abs() < 1e-12);
        assert!(told.gaps().iter().all(|gap| *gap == Some(0.0)));
    }

    #[test]
    fn the_information_of_a_constructed_table_is_as_computed_by_hand() {
        // Entry 0 on 6 of the 8 faces of pose 0 and 2 of pose 1: I = ln 2 − H(¼), in nats.
        let told = made(|face| usize::from((face % 2 == 0) == (face % 8 >= 6)));
        let quarter = -(0.25f64 * 0.25f64.ln() + 0.75 * 0.75f64.ln());
        let expected = 1.0 - quarter / 2f64.ln();
        let found = mean(&told.information());
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}
