//! The sinusoidal embedding of diffusion timesteps (Ho et al. 2020; diffusers'
//! `get_timestep_embedding`).

/// The settings of a sinusoidal embedding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sinusoid {
    /// Number of features; an odd one is padded with a zero.
    pub dim: usize,
    /// [cos | sin] (Wan: true) or [sin | cos] (DDPM: false).
    pub cos_first: bool,
    /// `downscale_freq_shift`: frequencies are 10000^(−j/(half − shift)). Wan 0, DDPM 1.
    pub shift: f64,
    /// Factor on the argument.
    pub scale: f64,
}

impl Sinusoid {
    /// The features of one value, computed in f64 as Wan does.
    pub fn embed(&self, value: f64) -> Vec<f32> {
        self.features(value).into_iter().map(|feature| feature as f32).collect()
    }

    /// The features of one value in f64.
    pub fn features(&self, value: f64) -> Vec<f64> {
        let half = self.dim / 2;
        let argument = |j: usize| {
            let exponent = -(10_000f64.ln()) * j as f64 / (half as f64 - self.shift);
            self.scale * value * exponent.exp()
        };
        let cosines = (0..half).map(|j| argument(j).cos());
        let sines = (0..half).map(|j| argument(j).sin());
        let padding = std::iter::repeat_n(0.0, self.dim % 2);
        if self.cos_first {
            cosines.chain(sines).chain(padding).collect()
        } else {
            sines.chain(cosines).chain(padding).collect()
        }
    }
}
