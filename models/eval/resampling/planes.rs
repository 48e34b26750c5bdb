//! Resizing of tensors as PyTorch's `interpolate` does it.

use candle_core::{Result, Tensor};

use super::filter::{Filter, Mix, mixes};

/// How pixels are mixed (`align_corners=False` throughout).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// `mode="nearest-exact"`: the pixel whose middle is nearest.
    Nearest,
    /// `mode="bilinear"`: the four around the place, even when much is left out between.
    Bilinear,
    /// `antialias=True`: the filter widened by the factor of reduction.
    Antialiased(Filter),
}

/// Images resized to `[height, width]`.
///
/// # Shapes
/// - images: `[B, C, H, W]`
/// - output: `[B, C, height, width]`
///
/// # Errors
/// When the images are no images, or without a pixel.
pub fn resized(images: &Tensor, [height, width]: [usize; 2], kernel: Kernel) -> Result<Tensor> {
    let (b, c, from_height, from_width) = images.dims4()?;
    let mut x = images.clone();
    if from_width != width {
        let across = matrix(from_width, width, kernel, images)?;
        x = x.reshape((b * c * from_height, from_width))?.matmul(&across.t()?)?;
    }
    if from_height != height {
        let down = matrix(from_height, height, kernel, images)?.unsqueeze(0)?;
        x = down.broadcast_matmul(&x.reshape((b * c, from_height, width))?)?;
    }
    x.reshape((b, c, height, width))
}

/// The map of a line of `from` pixels to one of `to`, `[to, from]`, of `like`'s type and device.
fn matrix(from: usize, to: usize, kernel: Kernel, like: &Tensor) -> Result<Tensor> {
    let mixes = match kernel {
        Kernel::Nearest => (0..to).map(|at| nearest(from, to, at)).collect(),
        Kernel::Bilinear => (0..to).map(|at| neighbours(from, to, at)).collect(),
        Kernel::Antialiased(filter) => mixes(from, to, filter),
    };
    let mut values = vec![0.0; to * from];
    for (row, mix) in values.chunks_exact_mut(from.max(1)).zip(mixes) {
        row[mix.start..][..mix.shares.len()].copy_from_slice(&mix.shares);
    }
    Tensor::from_vec(values, (to, from), like.device())?.to_dtype(like.dtype())
}

fn nearest(from: usize, to: usize, at: usize) -> Mix {
    let place = (at as f64 + 0.5) * from as f64 / to as f64;
    Mix { start: (place as usize).min(from - 1), shares: vec![1.0] }
}

fn neighbours(from: usize, to: usize, at: usize) -> Mix {
    let place = ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
    let start = (place as usize).min(from - 1);
    let share = place - start as f64;
    let shares = if start + 1 < from { vec![1.0 - share, share] } else { vec![1.0] };
    Mix { start, shares }
}
