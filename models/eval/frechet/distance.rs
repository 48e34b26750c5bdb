//! The Fréchet distance between Gaussians fitted to two sets of features, and what ConsisID's
//! script computes under that name.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::cholesky::cholesky;
use super::spectrum::eigenvalues;

/// A set of features and the Gaussian fitted to it.
#[derive(Clone, Debug)]
pub struct Moments {
    /// `[N, D]`, f64, less their mean.
    centred: Tensor,
    /// `[D]`
    mean: Tensor,
    /// `[D, D]`, divided by N − 1.
    covariance: Tensor,
}

impl Moments {
    /// Of features in f32 or f64; computed in f64 on the CPU.
    ///
    /// # Shapes
    /// - features: `[N, D]`
    ///
    /// # Errors
    /// When there are fewer than two: one has no covariance.
    pub fn of(features: &Tensor) -> Result<Self> {
        let (count, _) = features.dims2()?;
        if count < 2 {
            bail!("a covariance needs at least 2 features, found {count}")
        }
        let features = features.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        let mean = (features.sum(0)? / count as f64)?;
        let centred = features.broadcast_sub(&mean)?;
        let covariance = (centred.t()?.contiguous()?.matmul(&centred)? / (count - 1) as f64)?;
        Ok(Self { centred, mean, covariance })
    }

    /// Sum of the variances.
    pub fn total_variance(&self) -> Result<f64> {
        self.covariance.broadcast_mul(&eye(self.dimension()?)?)?.sum_all()?.to_scalar()
    }

    /// ‖μ₁ − μ₂‖².
    pub fn squared_mean_distance(&self, other: &Self) -> Result<f64> {
        (&self.mean - &other.mean)?.sqr()?.sum_all()?.to_scalar()
    }

    fn dimension(&self) -> Result<usize> {
        self.mean.dim(0)
    }

    /// Centred features over √(N − 1): their product with their own transpose is the covariance.
    fn factor(&self) -> Result<Tensor> {
        let count = self.centred.dim(0)?;
        &self.centred / ((count - 1) as f64).sqrt()
    }
}

/// ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2·(Σ₁·Σ₂)^½), the trace of the root taken of a symmetric matrix of the
/// same spectrum (Heusel et al. 2017; pytorch-fid takes a general root). Lower is closer; the unit
/// is the square of the features'.
///
/// # Errors
/// When the features differ in length or are not finite.
pub fn frechet_distance(a: &Moments, b: &Moments) -> Result<f64> {
    let variances = a.total_variance()? + b.total_variance()?;
    Ok(a.squared_mean_distance(b)? + variances - 2.0 * trace_of_root(a, b)?)
}

/// tr((Σ₁·Σ₂)^½) = Σ √λ over the eigenvalues of Σ₁·Σ₂.
fn trace_of_root(a: &Moments, b: &Moments) -> Result<f64> {
    let (side, least) = (a.dimension()?, a.centred.dim(0)?.min(b.centred.dim(0)?));
    let symmetric = if least <= side {
        // Few features: the eigenvalues but for zeros are those of G·Gᵀ, G = A₁·A₂ᵀ from the
        // centred features themselves.
        let gram = a.factor()?.matmul(&b.factor()?.t()?)?;
        let gram = if gram.dim(0)? > gram.dim(1)? { gram.t()?.contiguous()? } else { gram };
        gram.matmul(&gram.t()?)?
    } else {
        // Lᵀ·Σ₂·L with L·Lᵀ = Σ₁ is similar to Σ₁·Σ₂.
        let factor =
            Tensor::from_vec(cholesky(&flat(&a.covariance)?, side), (side, side), &Device::Cpu)?;
        factor.t()?.matmul(&b.covariance.matmul(&factor)?)?
    };
    let side = symmetric.dim(0)?;
    Ok(roots(&eigenvalues(flat(&symmetric)?, side)?))
}

/// What ConsisID's `calculate_fid` gives for several features a side. Its root is that of a
/// symmetric matrix made of the lower triangle of Σ₁·Σ₂, and so no root of Σ₁·Σ₂: the number is no
/// distance, and is here to be compared with.
///
/// # Errors
/// As [`frechet_distance`].
pub fn consisid_distance(a: &Moments, b: &Moments) -> Result<f64> {
    let side = a.dimension()?;
    let mut product = flat(&a.covariance.matmul(&b.covariance)?)?;
    for row in 0..side {
        for column in row + 1..side {
            product[row * side + column] = product[column * side + row];
        }
    }
    let variances = a.total_variance()? + b.total_variance()?;
    Ok(a.squared_mean_distance(b)? + variances - 2.0 * roots(&eigenvalues(product, side)?))
}

/// ConsisID's "FID" between one face and one reference: each is repeated twice, both covariances
/// are 0, and the squared distance of the two features is left.
///
/// # Shapes
/// - a, b: `[D]`
///
/// # Errors
/// When they differ in length.
pub fn consisid_single_image(a: &Tensor, b: &Tensor) -> Result<f64> {
    (a.to_dtype(DType::F64)? - b.to_dtype(DType::F64)?)?.sqr()?.sum_all()?.to_scalar()
}

/// Σ √λ; eigenvalues below zero are rounding.
fn roots(eigenvalues: &[f64]) -> f64 {
    eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum()
}

fn eye(side: usize) -> Result<Tensor> {
    Tensor::eye(side, DType::F64, &Device::Cpu)
}

fn flat(matrix: &Tensor) -> Result<Vec<f64>> {
    matrix.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Moments, consisid_single_image, frechet_distance};

    fn features(rows: Vec<Vec<f64>>) -> Moments {
        Moments::of(&Tensor::new(rows, &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn independent_axes_by_hand() {
        // Variances 2 and 8 against 18 and 2, means 3 apart: 9 + (√2−√18)² + (√8−√2)² = 19.
        let a = features(vec![vec![1., 2.], vec![-1., 2.], vec![1., -2.], vec![-1., -2.]]);
        let b = features(vec![vec![6., 1.], vec![0., 1.], vec![6., -1.], vec![0., -1.]]);
        let scale = 4.0 / 3.0; // the variances are divided by 3
        let expected = 9.0 + scale * ((1.0_f64 - 3.0).powi(2) + (2.0_f64 - 1.0).powi(2));
        assert!((frechet_distance(&a, &b).unwrap() - expected).abs() < 1e-12);
        assert!(frechet_distance(&a, &a).unwrap().abs() < 1e-12);
    }

    #[test]
    fn both_ways_to_the_trace_agree() {
        let value = |i: usize, j: usize, by: usize| ((i * by + j * 13) % 17) as f64 / 4.0;
        let rows = |by: usize, count: usize| {
            (0..count).map(|i| (0..3).map(|j| value(i, j, by)).collect()).collect::<Vec<Vec<f64>>>()
        };
        let few = frechet_distance(&features(rows(5, 3)), &features(rows(7, 20))).unwrap();
        // Every feature twice: the same Gaussian but for the divisor, on the other way.
        let often = |rows: Vec<Vec<f64>>| rows.iter().chain(&rows).cloned().collect::<Vec<_>>();
        let (a, b) = (features(often(rows(5, 3))), features(rows(7, 20)));
        let many = frechet_distance(&a, &b).unwrap();
        // Σ₁ shrinks from x/2 to 2x/5: compare after undoing it in closed form.
        let a3 = features(rows(5, 3));
        let root = |total: f64, a: &Moments| {
            a.squared_mean_distance(&b).unwrap()
                + a.total_variance().unwrap()
                + b.total_variance().unwrap()
                - total
        };
        let ratio = root(many, &a) / root(few, &a3);
        assert!((ratio - (2.0_f64 * 2.0 / 5.0).sqrt()).abs() < 1e-7, "{ratio}");
    }

    #[test]
    fn one_feature_is_no_set() {
        let one = Tensor::new(&[[1.0_f64, 2.0]], &Device::Cpu).unwrap();
        assert!(Moments::of(&one).is_err());
        let (a, b) = (one.get(0).unwrap(), Tensor::new(&[0.0_f32, 0.0], &Device::Cpu).unwrap());
        assert!((consisid_single_image(&a, &b).unwrap() - 5.0).abs() < 1e-12);
    }
}
