//! Filters of resampling, widened by the factor of reduction so that nothing aliases.

/// A filter, by Pillow's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The triangle of half-width 1.
    Bilinear,
    /// Keys' cubic with a = −0.5, of half-width 2.
    Bicubic,
    /// sinc(x)·sinc(x/3), of half-width 3.
    Lanczos,
}

impl Filter {
    fn half_width(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn value(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { angle.sin() / angle }
}

/// What a pixel of the result is made of: neighbouring pixels from `start` on, and their shares.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    pub(super) start: usize,
    pub(super) shares: Vec<f64>,
}

/// The mixes of a line of `from` pixels resized to `to`, as Pillow's `precompute_coeffs` and
/// PyTorch's antialiased interpolation place them.
pub(super) fn mixes(from: usize, to: usize, filter: Filter) -> Vec<Mix> {
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let reach = filter.half_width() * widening;
    let mix = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let start = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let value = |pixel: usize| filter.value((pixel as f64 - centre + 0.5) / widening);
        let mut shares: Vec<f64> = (start..end).map(value).collect();
        let sum: f64 = shares.iter().sum();
        for share in &mut shares {
            *share /= sum;
        }
        Mix { start, shares }
    };
    (0..to).map(mix).collect()
}
