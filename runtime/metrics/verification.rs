//! Face verification: do two pictures show one person? AUC and TAR at a FAR over pairs.

/// Similarities of pairs that show one person, and of pairs that show two.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    /// Of one person, with the number of the person.
    pub genuine: Vec<(f32, usize)>,
    /// Of two people, with their numbers.
    pub impostor: Vec<(f32, [usize; 2])>,
}

/// Pairs in order, so that numbers without one of the people take little time.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Similarity, person, and how many impostor pairs are less alike, ties half.
    genuine: Vec<(f32, usize, f64)>,
    /// The most alike first.
    impostor: Vec<(f32, [usize; 2])>,
    /// Impostor pairs that show a person, the least alike first.
    of_person: Vec<Vec<f32>>,
}

impl Trials {
    /// Takes the similarity of a pair of pictures and whom they show.
    pub fn add(&mut self, score: f32, [first, second]: [usize; 2]) {
        if first == second {
            self.genuine.push((score, first));
        } else {
            self.impostor.push((score, [first, second]));
        }
    }

    /// Puts the pairs of `people` in order.
    pub fn ranked(mut self, people: usize) -> Ranked {
        self.impostor.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut of_person = vec![Vec::new(); people];
        let mut ascending = Vec::with_capacity(self.impostor.len());
        for (score, both) in self.impostor.iter().rev() {
            ascending.push(*score);
            for &person in both {
                of_person[person].push(*score);
            }
        }
        let ranked = self.genuine.into_iter();
        let genuine = ranked.map(|(score, person)| (score, person, rank(score, &ascending)));
        Ranked { genuine: genuine.collect(), impostor: self.impostor, of_person }
    }
}

impl Ranked {
    /// The probability that a genuine pair is more alike than an impostor pair; ties count half.
    /// `without` a person, if one is given: without all pairs that show him or her. `None` without
    /// pairs of both kinds.
    pub fn auc(&self, without: Option<usize>) -> Option<f64> {
        let gone = without.map_or(&[] as &[f32], |person| &self.of_person[person]);
        let (mut above, mut count) = (0.0, 0_u64);
        for (score, _, below) in self.kept(without) {
            above += below - rank(*score, gone);
            count += 1;
        }
        let pairs = count as f64 * (self.impostor.len() - gone.len()) as f64;
        (pairs > 0.0).then(|| above / pairs)
    }

    /// The share of genuine pairs accepted at the threshold that accepts a share `far` of impostor
    /// pairs, `without` a person as in [`Self::auc`]. `None` without genuine pairs or with fewer than
    /// 1/`far` impostor pairs.
    pub fn tar_at(&self, far: f64, without: Option<usize>) -> Option<f64> {
        let gone = without.map_or(0, |person| self.of_person[person].len());
        let accepted = (far * (self.impostor.len() - gone) as f64).floor() as usize;
        let shows = |both: &[usize; 2]| without.is_some_and(|person| both.contains(&person));
        let mut left = self.impostor.iter().filter(|(_, both)| !shows(both));
        if accepted == 0 {
            return None;
        }
        let threshold = left.nth(accepted).map_or(f32::NEG_INFINITY, |(score, _)| *score);
        let (mut right, mut count) = (0_u64, 0_u64);
        for (score, ..) in self.kept(without) {
            right += u64::from(*score > threshold);
            count += 1;
        }
        (count > 0).then(|| right as f64 / count as f64)
    }

    fn kept(&self, without: Option<usize>) -> impl Iterator<Item = &(f32, usize, f64)> {
        self.genuine.iter().filter(move |(_, person, _)| Some(*person) != without)
    }
}

/// The probability that one of some numbers is larger than one of others; ties count half. `None`
/// where one side has none.
pub fn separation(high: &[f32], mut low: Vec<f32>) -> Option<f64> {
    low.sort_by(f32::total_cmp);
    let above: f64 = high.iter().map(|&value| rank(value, &low)).sum();
    let pairs = high.len() as f64 * low.len() as f64;
    (pairs > 0.0).then(|| above / pairs)
}

/// How many of some ascending numbers are below this one; those equal count half.
fn rank(score: f32, ascending: &[f32]) -> f64 {
    let below = ascending.partition_point(|other| *other < score);
    let equal = ascending[below..].partition_point(|other| *other <= score);
    below as f64 + equal as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::Trials;

    #[test]
    fn auc_counts_ordered_pairs_and_halves_ties() {
        let trials = Trials {
            genuine: vec![(0.9, 0), (0.5, 0), (0.2, 1)],
            impostor: vec![(0.5, [0, 1]), (0.1, [1, 2])],
        };
        // 0.9: 2, 0.5: 1.5, 0.2: 1, of 6.
        assert_eq!(trials.ranked(3).auc(None), Some(4.5 / 6.0));
        assert_eq!(Trials::default().ranked(0).auc(None), None);
    }

    #[test]
    fn tar_is_taken_at_the_threshold_of_its_far() {
        let impostor = (0..1000u16).map(|at| (f32::from(at) / 1000.0, [0, 1])).collect();
        let genuine = [0.9995, 0.9905, 0.95, 0.5].map(|score| (score, 2)).into();
        let trials = Trials { genuine, impostor }.ranked(3);
        assert_eq!(trials.tar_at(0.01, None), Some(0.5));
        assert_eq!(trials.tar_at(0.001, None), Some(0.25));
        assert_eq!(trials.tar_at(0.0001, None), None);
        assert_eq!(trials.tar_at(0.01, Some(2)), None);
    }

    #[test]
    fn a_person_is_left_out_with_all_pairs() {
        let score = |at: usize| ((at * 37) % 101) as f32 / 20.0;
        let pairs = || (0..400).map(|at| (at, [at % 7, (at / 7) % 7]));
        let of = |without: Option<usize>| {
            let kept =
                || pairs().filter(|(_, both)| without.is_none_or(|one| !both.contains(&one)));
            let (same, other) = (kept().filter(|(_, b)| b[0] == b[1]), kept());
            Trials {
                genuine: same.map(|(at, both)| (score(at) + 1.0, both[0])).collect(),
                impostor: other
                    .filter(|(_, b)| b[0] != b[1])
                    .map(|(at, b)| (score(at), b))
                    .collect(),
            }
            .ranked(7)
        };
        let all = of(None);
        for person in 0..7 {
            let alone = of(Some(person));
            let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
            assert!(close(all.auc(Some(person)), alone.auc(None)));
            assert!(close(all.tar_at(0.05, Some(person)), alone.tar_at(0.05, None)));
        }
    }
}
