//! Linear probe: how much of the pose can be read off a representation?

use candle_core::{Result, Tensor};

/// Ridge penalty relative to the mean diagonal of the Gram matrix. Small enough to let a linear
/// code be read, large enough that 32768 weights on a few hundred faces do not interpolate.
const PENALTY: f64 = 1e-2;

/// R² of ridge regressions from `features` (F × d) to each target (F values), the mean over
/// targets. Cross-fitted over `fold` (0 or 1 for each face): fitted on one fold, scored on the
/// other, both ways, so that no person is in both. Solved in the dual, so d may be large.
pub fn pose_r2(features: &Tensor, targets: &[Vec<f64>], fold: &[usize]) -> Result<f64> {
    let faces = features.dim(0)?;
    let gram: Vec<f32> = features.matmul(&features.t()?)?.flatten_all()?.to_vec1()?;
    let gram: Vec<f64> = gram.into_iter().map(f64::from).collect();
    let mut scores = Vec::new();
    for held_out in 0..2 {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..faces).partition(|&i| fold[i] == held_out);
        if train.len() < 2 || test.len() < 2 {
            continue;
        }
        let split = Split { gram: &gram, faces, train: &train, test: &test };
        scores.extend(split.scores(targets));
    }
    Ok(scores.iter().sum::<f64>() / (scores.len() as f64).max(1.0))
}

struct Split<'a> {
    gram: &'a [f64],
    faces: usize,
    train: &'a [usize],
    test: &'a [usize],
}

impl Split<'_> {
    fn inner(&self, i: usize, j: usize) -> f64 {
        self.gram[i * self.faces + j]
    }

    /// R² on the held-out faces for each target.
    fn scores(&self, targets: &[Vec<f64>]) -> Vec<f64> {
        let n = self.train.len();
        let row_means: Vec<f64> = self.train.iter().map(|&i| self.mean_inner(i)).collect();
        let grand = row_means.iter().sum::<f64>() / n as f64;
        let mut system = vec![0.0; n * n];
        for a in 0..n {
            for b in 0..n {
                system[a * n + b] =
                    self.inner(self.train[a], self.train[b]) - row_means[a] - row_means[b] + grand;
            }
        }
        let trace: f64 = (0..n).map(|a| system[a * n + a]).sum();
        // A representation that does not vary at all says nothing: the floor keeps it solvable.
        let ridge = PENALTY * trace / n as f64 + 1e-12;
        (0..n).for_each(|a| system[a * n + a] += ridge);
        let factor = cholesky(system, n);
        targets.iter().map(|target| self.score(target, &factor, (&row_means, grand))).collect()
    }

    fn mean_inner(&self, i: usize) -> f64 {
        self.train.iter().map(|&j| self.inner(i, j)).sum::<f64>() / self.train.len() as f64
    }

    fn score(&self, target: &[f64], factor: &[f64], centre: (&[f64], f64)) -> f64 {
        let n = self.train.len();
        let mean = self.train.iter().map(|&i| target[i]).sum::<f64>() / n as f64;
        let weights = solve(factor, self.train.iter().map(|&i| target[i] - mean).collect());
        let (mut residual, mut total) = (0.0, 0.0);
        let test_mean = self.test.iter().map(|&i| target[i]).sum::<f64>() / self.test.len() as f64;
        for &i in self.test {
            let own = self.mean_inner(i);
            let predicted: f64 = (0..n)
                .map(|a| weights[a] * (self.inner(i, self.train[a]) - own - centre.0[a] + centre.1))
                .sum();
            residual += (target[i] - mean - predicted).powi(2);
            total += (target[i] - test_mean).powi(2);
        }
        if total > 0.0 { 1.0 - residual / total } else { 0.0 }
    }
}

/// Lower Cholesky factor of a positive definite matrix.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for j in 0..n {
        for i in j..n {
            let (head, tail) = a.split_at(i * n);
            let row_j = if i == j { &tail[..j] } else { &head[j * n..j * n + j] };
            let dot: f64 = tail[..j].iter().zip(row_j).map(|(x, y)| x * y).sum();
            let rest = a[i * n + j] - dot;
            a[i * n + j] = if i == j { rest.max(1e-300).sqrt() } else { rest / a[j * n + j] };
        }
    }
    a
}

/// Solves L Lᵀ x = b.
fn solve(factor: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| factor[i * n + k] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[i * n + i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| factor[k * n + i] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[i * n + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use ffrun_models::stream::Stream;

    use super::pose_r2;

    #[test]
    fn a_linear_code_is_read_and_noise_is_not() {
        let faces = 200;
        let mut stream = Stream::new(3, "probe test", 0);
        let target: Vec<f64> = (0..faces).map(|_| f64::from(stream.normal())).collect();
        let mut coded = Vec::new();
        for value in &target {
            coded.extend((0..8).map(|d| if d < 2 { *value as f32 } else { stream.normal() }));
        }
        let fold: Vec<usize> = (0..faces).map(|i| i % 2).collect();
        let coded = Tensor::from_vec(coded, (faces, 8), &Device::Cpu).expect("shape");
        let noise = stream.normal_tensor((faces, 8), 1.0, &Device::Cpu).expect("shape");
        let targets = [target];
        assert!(pose_r2(&coded, &targets, &fold).expect("solved") > 0.98);
        assert!(pose_r2(&noise, &targets, &fold).expect("solved") < 0.2);
    }
}
