//! Batch normalisation of embeddings without scale and shift, as the heads of ArcFace's networks
//! end in.

use candle_core::{DType, Device, Result, Tensor};

use crate::error::ModelResult;
use crate::ops;
use crate::params::{Group, Params};

/// (x − mean)/√(var + ε) of every feature: by the batch while training, by running statistics
/// afterwards. It takes away what all faces have in common, which in an untrained network is nearly
/// all there is.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    mean_d: Tensor,
    var_d: Tensor,
}

/// Mean and variance of one batch.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    mean_d: Tensor,
    var_d: Tensor,
}

impl BatchNorm {
    const MEAN: &'static str = "norm.running_mean";
    const VAR: &'static str = "norm.running_var";
    const EPS: f64 = 1e-5; // PyTorch's default, as in the authors' code
    /// How much a batch moves the running statistics, PyTorch's default.
    const MOMENTUM: f64 = 0.1;

    /// Declares `norm.running_mean` (zeros) and `norm.running_var` (ones), which no optimiser moves.
    pub fn new(params: &mut Params, width: usize) -> ModelResult<Self> {
        let zeros = Tensor::zeros(width, DType::F32, &Device::Cpu)?;
        let ones = Tensor::ones(width, DType::F32, &Device::Cpu)?;
        Ok(Self {
            mean_d: params.add(Self::MEAN, &zeros, Group::Frozen)?,
            var_d: params.add(Self::VAR, &ones, Group::Frozen)?,
        })
    }

    /// By the running statistics.
    ///
    /// # Shapes
    /// - x_bd, output: `[B, D]`
    pub fn forward(&self, x_bd: &Tensor) -> Result<Tensor> {
        scaled(&x_bd.broadcast_sub(&self.mean_d)?, &self.var_d)
    }

    /// By the batch's own statistics, which are returned for [`Self::remember`].
    ///
    /// # Shapes
    /// - x_bd, output: `[B, D]`
    pub fn forward_training(x_bd: &Tensor) -> Result<(Tensor, BatchStatistics)> {
        let rows = x_bd.dim(0)? as f64;
        let mean_d = (ops::row_sum(x_bd)? / rows)?;
        let centred = x_bd.broadcast_sub(&mean_d)?;
        let var_d = (ops::row_sum(&centred.sqr()?)? / rows)?;
        let y = scaled(&centred, &var_d)?;
        Ok((y, BatchStatistics { mean_d: mean_d.detach(), var_d: var_d.detach() }))
    }

    /// Moves the running statistics towards those of a batch.
    pub fn remember(params: &Params, batch: &BatchStatistics) -> Result<()> {
        for (name, new) in [(Self::MEAN, &batch.mean_d), (Self::VAR, &batch.var_d)] {
            if let Some(param) = params.get(name) {
                let old = param.var().as_detached_tensor();
                let moved = ((old * (1.0 - Self::MOMENTUM))? + (new * Self::MOMENTUM)?)?;
                param.var().set(&moved)?;
            }
        }
        Ok(())
    }
}

fn scaled(centred_bd: &Tensor, var_d: &Tensor) -> Result<Tensor> {
    centred_bd.broadcast_div(&(var_d + BatchNorm::EPS)?.sqrt()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::BatchNorm;
    use crate::ops::gradcheck;
    use crate::params::Params;

    #[test]
    fn batches_are_standardised_and_running_statistics_follow() {
        let x = Tensor::new(&[[1.0_f32, 10.0], [3.0, 10.5], [5.0, 9.0]], &Device::Cpu).unwrap();
        let (y, batch) = BatchNorm::forward_training(&x).unwrap();
        let y = y.to_vec2::<f32>().unwrap();
        assert!((y[0][0] + 1.224_74).abs() < 1e-3 && y[1][0].abs() < 1e-6, "{y:?}");
        gradcheck(&|x| Ok(BatchNorm::forward_training(&x[0])?.0), std::slice::from_ref(&x), 1e-2)
            .unwrap();

        let mut params = Params::new(&Device::Cpu);
        let norm = BatchNorm::new(&mut params, 2).unwrap();
        assert_eq!(norm.forward(&x).unwrap().to_vec2::<f32>().unwrap()[0][1].round(), 10.0);
        for _ in 0..200 {
            BatchNorm::remember(&params, &batch).unwrap();
        }
        let after = norm.forward(&x).unwrap().to_vec2::<f32>().unwrap();
        for (after, y) in after.concat().iter().zip(y.concat()) {
            assert!((after - y).abs() < 1e-3, "{after} {y}");
        }
    }
}
