//! The kernel distance between two sets of features, unbiased for few of them.

use candle_core::{DType, Device, Result, Tensor, bail};

use crate::stream::Stream;

/// How the sets are cut up: the distance is the mean over random subsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsets {
    /// How many.
    pub count: usize,
    /// Features of each set in one; both sets hold at least as many.
    pub size: usize,
    /// Which.
    pub seed: u64,
}

/// KID (Bińkowski et al. 2018): the squared maximum mean discrepancy under the kernel
/// (x·y/D + 1)³, without bias, as mean and standard deviation over subsets. Lower is closer;
/// it may fall below 0.
///
/// # Shapes
/// - a, b: `[N, D]`, the N of both may differ
///
/// # Errors
/// When a subset has fewer than two features or more than a set, or lengths differ.
pub fn kernel_distance(a: &Tensor, b: &Tensor, subsets: Subsets) -> Result<(f64, f64)> {
    let Subsets { count, size, seed } = subsets;
    let most = a.dim(0)?.min(b.dim(0)?);
    if count == 0 || size < 2 || size > most {
        bail!("{count} subsets of {size} features; take at least 1, of 2 to {most}")
    }
    let mut found = vec![];
    for subset in 0..count {
        let pick = |set: &Tensor, purpose: &str| {
            let mut order: Vec<u32> = (0..set.dim(0)? as u32).collect();
            Stream::new(seed, purpose, subset as u64).shuffle(&mut order);
            order.truncate(size);
            let order = Tensor::from_vec(order, size, set.device())?;
            set.index_select(&order, 0)?.to_device(&Device::Cpu)?.to_dtype(DType::F64)
        };
        found.push(discrepancy(&pick(a, "kid/a")?, &pick(b, "kid/b")?)?);
    }
    let mean = found.iter().sum::<f64>() / count as f64;
    let variance = found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
    Ok((mean, variance.sqrt()))
}

/// The unbiased estimate for two sets of the same number m of features.
fn discrepancy(a: &Tensor, b: &Tensor) -> Result<f64> {
    let (m, dimension) = a.dims2()?;
    let m = m as f64;
    let kernel = |x: &Tensor, y: &Tensor| {
        let product = (x.matmul(&y.t()?)? / dimension as f64)? + 1.0;
        product?.powf(3.0)
    };
    let sum = |x: &Tensor| x.sum_all()?.to_scalar::<f64>();
    // A feature is not compared with itself.
    let within = |x: &Tensor| {
        let own = ((x.sqr()?.sum(1)? / dimension as f64)? + 1.0)?.powf(3.0)?;
        Ok::<f64, candle_core::Error>((sum(&kernel(x, x)?)? - sum(&own)?) / (m * (m - 1.0)))
    };
    Ok(within(a)? + within(b)? - 2.0 * sum(&kernel(a, b)?)? / (m * m))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Subsets, kernel_distance};
    use crate::stream::Stream;

    const WHOLE: Subsets = Subsets { count: 1, size: 2, seed: 1 };

    #[test]
    fn two_features_a_set_by_hand() {
        let set =
            |values: [f64; 2]| Tensor::new(&[[values[0]], [values[1]]], &Device::Cpu).unwrap();
        // Within: (1·2+1)³ = 27 and (0·3+1)³ = 1; across: 1, 64, 1 and 343, of mean 102.25.
        let (found, spread) = kernel_distance(&set([1., 2.]), &set([0., 3.]), WHOLE).unwrap();
        assert!((found - (27.0 + 1.0 - 2.0 * 102.25)).abs() < 1e-9, "{found}");
        assert_eq!(spread, 0.0);
    }

    #[test]
    fn sets_of_one_source_are_nearer_than_sets_of_two() {
        let mut stream = Stream::new(3, "test/kid", 0);
        let mut draw = || stream.normal_tensor((60, 8), 1.0, &Device::Cpu).unwrap();
        let (a, b) = (draw(), draw());
        let subsets = Subsets { count: 20, size: 40, seed: 2 };
        let (same, _) = kernel_distance(&a, &b, subsets).unwrap();
        let (other, _) = kernel_distance(&a, &(b + 0.5).unwrap(), subsets).unwrap();
        assert!(same.abs() < 0.1 && other > 0.2, "{same} {other}");
        assert!(kernel_distance(&a, &a, Subsets { size: 61, ..subsets }).is_err());
    }
}
