//! A pose regressor: how the head in a frame is turned, and whether there is a face.

use candle_core::{Result, Tensor};

use super::six_d::rotations_from_6d;
use super::tower::Tower;
use crate::error::ModelResult;
use crate::linear::Linear;
use crate::params::Params;
use crate::vit::VitConfig;

/// Tower → linear → a 6D vector (6DRepNet's output) and a logit of presence.
#[derive(Clone, Debug)]
pub struct PoseNet {
    tower: Tower,
    head: Linear,
}

/// What a [`PoseNet`] sees.
#[derive(Clone, Debug)]
pub struct PoseOutput {
    /// `[B, 3, 3]`: Rz(roll)·Ry(yaw)·Rx(pitch).
    pub rotations_b33: Tensor,
    /// `[B]`: positive where a face is seen.
    pub presence_b: Tensor,
}

impl PoseNet {
    /// Declares the network with initial values from `seed`.
    pub fn new(config: VitConfig, params: &mut Params, seed: u64) -> ModelResult<Self> {
        let tower = Tower::new(config, params, seed)?;
        let head = Linear::new(params, "head", (tower.flat_width(), 7), seed)?;
        Ok(Self { tower, head })
    }

    /// Poses and presence.
    ///
    /// # Shapes
    /// - frames_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: see [`PoseOutput`]
    pub fn forward(&self, frames_bchw: &Tensor) -> Result<PoseOutput> {
        let seven_bd = self.head.forward(&self.tower.flat(frames_bchw)?)?;
        Ok(PoseOutput {
            rotations_b33: rotations_from_6d(&seven_bd.narrow(1, 0, 6)?)?,
            presence_b: seven_bd.narrow(1, 6, 1)?.squeeze(1)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::PoseNet;
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::Params;
    use crate::stream::Stream;
    use crate::vit::VitConfig;

    #[test]
    fn gradients_of_every_parameter_match_finite_differences() {
        let config =
            VitConfig { image_px: 8, patch_px: 4, width: 8, depth: 1, heads: 2, mlp_ratio: 2 };
        let mut params = Params::new(&Device::Cpu);
        let net = PoseNet::new(config, &mut params, 1).unwrap();
        let frames =
            Stream::new(2, "test", 0).normal_tensor((2, 3, 8, 8), 1.0, &Device::Cpu).unwrap();
        check_parameter_gradients(&params, &|| {
            let seen = net.forward(&frames)?;
            Tensor::cat(&[seen.rotations_b33.flatten_all()?, seen.presence_b], 0)
        });
    }
}
