//! The sizes of a Wan VAE.

use crate::error::{ModelError, ModelResult};

/// The sizes of a [`WanVae`](super::WanVae).
#[derive(Clone, Debug, PartialEq)]
pub struct VaeConfig {
    /// Channels at full resolution.
    pub base_dim: usize,
    /// Channels of the latent.
    pub z_dim: usize,
    /// Channels of each level over `base_dim`, finest first. Between two levels height and width
    /// are halved.
    pub multipliers: Vec<usize>,
    /// Residual blocks of an encoder level; a decoder level has one more.
    pub res_blocks: usize,
    /// Whether the step from each level to the next also halves time.
    pub halves_time: Vec<bool>,
    /// Mean of each latent channel before normalisation.
    pub mean: Vec<f32>,
    /// Standard deviation of each latent channel before normalisation.
    pub std: Vec<f32>,
}

impl VaeConfig {
    /// The VAE of Wan 2.1, the only one released with it: stride (4, 8, 8), 16 channels.
    pub fn wan2_1() -> Self {
        Self {
            base_dim: 96,
            z_dim: 16,
            multipliers: vec![1, 2, 4, 4],
            res_blocks: 2,
            halves_time: vec![false, true, true],
            // `WanVAE.__init__` of the authors' code.
            mean: vec![
                -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134,
                -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921,
            ],
            std: vec![
                2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526,
                2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160,
            ],
        }
    }

    /// Pixels along the side of a latent's cell.
    pub fn spatial(&self) -> usize {
        1 << self.halves_time.len()
    }

    /// Frames that become one latent frame, after the first, which stands alone.
    pub fn temporal(&self) -> usize {
        1 << self.halves_time.iter().filter(|&&halves| halves).count()
    }

    /// Fails unless the sizes make a network.
    pub fn check(&self) -> ModelResult<()> {
        let bad = |setting, got: String, expected: String| {
            Err(ModelError::BadSetting { setting, got, expected })
        };
        let sizes = [
            ("base_dim", self.base_dim),
            ("z_dim", self.z_dim),
            ("multipliers", self.multipliers.iter().copied().min().unwrap_or(0)),
        ];
        for (setting, got) in sizes {
            if got == 0 {
                return bad(setting, "0".to_owned(), "must be at least 1".to_owned());
            }
        }
        if let Some(odd) =
            self.decoder_dims().iter().skip(1).rev().skip(1).find(|&dim| dim % 2 == 1)
        {
            return bad(
                "base_dim",
                odd.to_string(),
                "must be even in all but the finest level".into(),
            );
        }
        if self.halves_time.len() + 1 != self.multipliers.len() {
            let expected = format!("must be one fewer than the {} levels", self.multipliers.len());
            return bad("halves_time", format!("of {} steps", self.halves_time.len()), expected);
        }
        for (setting, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != self.z_dim {
                let expected = format!("must be one for each of {} channels", self.z_dim);
                return bad(setting, format!("{} values", values.len()), expected);
            }
        }
        if let Some(std) = self.std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
            return bad("std", std.to_string(), "must be above 0".to_owned());
        }
        Ok(())
    }

    /// Channels after the encoder's first convolution and after each of its levels.
    pub(super) fn encoder_dims(&self) -> Vec<usize> {
        let levels = self.multipliers.iter().map(|multiplier| multiplier * self.base_dim);
        std::iter::once(self.base_dim).chain(levels).collect()
    }

    /// Channels after the decoder's first convolution and after each of its levels, before the
    /// step to the next level halves them.
    pub(super) fn decoder_dims(&self) -> Vec<usize> {
        let levels = self.multipliers.iter().rev().map(|multiplier| multiplier * self.base_dim);
        let first = self.multipliers.last().map(|multiplier| multiplier * self.base_dim);
        first.into_iter().chain(levels).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::VaeConfig;

    #[test]
    fn sizes_that_make_no_network_are_refused_by_name() {
        let wan = VaeConfig::wan2_1();
        wan.check().unwrap();
        assert_eq!((wan.spatial(), wan.temporal()), (8, 4));
        let message = |config: VaeConfig| config.check().unwrap_err().to_string();
        let odd = message(VaeConfig {
            base_dim: 5,
            multipliers: vec![1, 1],
            halves_time: vec![true],
            ..wan.clone()
        });
        assert_eq!(odd, "`base_dim` is 5, but must be even in all but the finest level");
        let steps = message(VaeConfig { halves_time: vec![true], ..wan.clone() });
        assert_eq!(steps, "`halves_time` is of 1 steps, but must be one fewer than the 4 levels");
        let mean = message(VaeConfig { mean: vec![0.0], ..wan.clone() });
        assert_eq!(mean, "`mean` is 1 values, but must be one for each of 16 channels");
        let none = message(VaeConfig { multipliers: vec![], halves_time: vec![], ..wan });
        assert_eq!(none, "`multipliers` is 0, but must be at least 1");
    }
}
