//! Which two faces of which people make up a training step (paper Fig. 2, Eq. 5).

use ffrun_models::{
    rotation::{Rotation, geodesic_angle},
    stream::Stream,
};

use super::stills::Stills;

/// Draws matched pairs: two faces of one person, as many people as there are pairs.
#[derive(Debug)]
pub struct Pairs {
    faces_of: Vec<Vec<usize>>,
    rotations: Vec<Rotation>,
    min_gap_rad: f64,
    seed: u64,
}

/// Attempts at a second face far enough in pose before the farthest one is taken.
const ATTEMPTS: usize = 8;

impl Pairs {
    /// Pairs from these stills whose poses differ by at least `min_gap_deg` where a person's
    /// faces allow it.
    pub fn new(stills: &Stills, min_gap_deg: f64, seed: u64) -> Self {
        let mut faces_of = vec![Vec::new(); stills.names.len()];
        for (face, &person) in stills.person.iter().enumerate() {
            if let Some(faces) = faces_of.get_mut(person as usize) {
                faces.push(face);
            }
        }
        faces_of.retain(|faces| faces.len() > 1);
        Self {
            faces_of,
            rotations: stills.rotations(),
            min_gap_rad: min_gap_deg.to_radians(),
            seed,
        }
    }

    /// People with at least two faces.
    pub fn people(&self) -> usize {
        self.faces_of.len()
    }

    /// The n pairs of a step: face indices and the person of each pair. People repeat only when
    /// there are fewer than n. The same (seed, step) gives the same pairs, always.
    pub fn of_step(&self, step: u64, n: usize) -> Batch {
        let mut stream = Stream::new(self.seed, "train/pairs", step);
        let mut order: Vec<usize> = Vec::with_capacity(n + self.people());
        while order.len() < n && self.people() > 0 {
            let mut round: Vec<usize> = (0..self.people()).collect();
            stream.shuffle(&mut round);
            order.append(&mut round);
        }
        order.truncate(n);
        let mut batch = Batch::default();
        for person in order {
            let (first, second) = self.two_faces(&self.faces_of[person], &mut stream);
            batch.first.push(first);
            batch.second.push(second);
            batch.people.push(person as u32);
        }
        batch
    }

    fn two_faces(&self, faces: &[usize], stream: &mut Stream) -> (usize, usize) {
        let first = stream.below(faces.len());
        let mut farthest = (0.0, faces[(first + 1) % faces.len()]);
        for _ in 0..ATTEMPTS {
            let other = (first + 1 + stream.below(faces.len() - 1)) % faces.len();
            let gap = geodesic_angle(&self.rotations[faces[first]], &self.rotations[faces[other]]);
            if gap >= farthest.0 {
                farthest = (gap, faces[other]);
            }
            if gap >= self.min_gap_rad {
                return (faces[first], faces[other]);
            }
        }
        (faces[first], farthest.1)
    }
}

/// The pairs of one step. Entry i of each list belongs to pair i.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// First face.
    pub first: Vec<usize>,
    /// Second face of the same person.
    pub second: Vec<usize>,
    /// Who it is.
    pub people: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use ffrun_models::rotation::geodesic_angle;

    use super::Pairs;
    use crate::stages::stills::Stills;

    fn stills(people: u32, views: u32) -> Stills {
        let faces = people * views;
        Stills {
            size_px: 1,
            pixels: vec![0; faces as usize * 3],
            pose_deg: (0..faces).map(|i| [0.0, (i % views) as f32 * 30.0 - 60.0, 0.0]).collect(),
            person: (0..faces).map(|i| i / views).collect(),
            names: (0..people).map(|i| format!("train-{i:05}")).collect(),
        }
    }

    #[test]
    fn pairs_are_of_one_person_in_two_poses_and_people_do_not_repeat() {
        let set = stills(20, 5);
        let pairs = Pairs::new(&set, 25.0, 1);
        let batch = pairs.of_step(7, 20);
        let mut people = batch.people.clone();
        people.sort_unstable();
        assert_eq!(people, (0..20).collect::<Vec<u32>>());
        let rotations = set.rotations();
        for (&a, &b) in batch.first.iter().zip(&batch.second) {
            assert_eq!(set.person[a], set.person[b]);
            assert!(geodesic_angle(&rotations[a], &rotations[b]) > 25f64.to_radians());
        }
    }

    #[test]
    fn a_step_is_its_seed_and_number() {
        let set = stills(4, 5);
        let pairs = Pairs::new(&set, 0.0, 1);
        assert_eq!(pairs.of_step(3, 10), Pairs::new(&set, 0.0, 1).of_step(3, 10));
        assert_ne!(pairs.of_step(3, 10), pairs.of_step(4, 10));
        assert_ne!(pairs.of_step(3, 10), Pairs::new(&set, 0.0, 2).of_step(3, 10));
        assert_eq!(pairs.of_step(3, 10).people.len(), 10);
    }
}
