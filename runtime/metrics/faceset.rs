//! Embedded faces of unseen people: what the metrics of the aligner are computed from.

/// S and the pose of a set of faces. Row i of every list is one face.
#[derive(Clone, Debug)]
pub struct FaceSet {
    /// Unit vectors S, row-major (faces × width).
    pub shared: Vec<f32>,
    /// Width D of S.
    pub width: usize,
    /// Index into `names` of the person on each face.
    pub person: Vec<usize>,
    /// Names of the people, in order of first appearance.
    pub names: Vec<String>,
    /// Pitch, yaw, roll of each face in degrees.
    pub pose_deg: Vec<[f32; 3]>,
}

impl FaceSet {
    /// A set from raw S rows, which are scaled to unit length here (the metrics use cosines).
    pub fn new(
        mut shared: Vec<f32>,
        width: usize,
        people: &[String],
        pose_deg: Vec<[f32; 3]>,
    ) -> Self {
        for row in shared.chunks_exact_mut(width) {
            let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
            for x in row {
                *x /= norm;
            }
        }
        let mut names: Vec<String> = Vec::new();
        let person = people
            .iter()
            .map(|name| {
                names.iter().position(|known| known == name).unwrap_or_else(|| {
                    names.push(name.clone());
                    names.len() - 1
                })
            })
            .collect();
        Self { shared, width, person, names, pose_deg }
    }

    /// Number of faces.
    pub fn len(&self) -> usize {
        self.person.len()
    }

    /// True without faces.
    pub fn is_empty(&self) -> bool {
        self.person.is_empty()
    }

    /// The unit vector S of face `i`.
    pub fn vector(&self, i: usize) -> &[f32] {
        &self.shared[i * self.width..(i + 1) * self.width]
    }

    /// Cosine of faces `i` and `j`.
    pub fn cosine(&self, i: usize, j: usize) -> f32 {
        self.vector(i).iter().zip(self.vector(j)).map(|(a, b)| a * b).sum()
    }

    /// True if no angle of face `i` exceeds `limit_deg`.
    pub fn near_frontal(&self, i: usize, limit_deg: f64) -> bool {
        self.pose_deg[i].iter().all(|angle| f64::from(angle.abs()) <= limit_deg)
    }

    /// Mean over each person's faces of a per-face number; faces of `None` do not count and people
    /// without any are left out.
    pub fn by_person(&self, of_face: &[Option<f64>]) -> Vec<(String, f64)> {
        let mut sums = vec![(0.0, 0u32); self.names.len()];
        for (&person, value) in self.person.iter().zip(of_face) {
            if let Some(value) = value {
                sums[person].0 += value;
                sums[person].1 += 1;
            }
        }
        self.names
            .iter()
            .zip(sums)
            .filter(|(_, (_, count))| *count > 0)
            .map(|(name, (sum, count))| (name.clone(), sum / f64::from(count)))
            .collect()
    }
}
