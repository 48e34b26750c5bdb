//! The mask channels of VACE's control latent.

use candle_core::{DType, Result, Tensor, bail};

/// The masks of the pixels under each cell of the latent, as channels: s×s space-to-depth (channel
/// = s·row + column within the cell), frames picked by [`nearest_exact`], and `references` frames
/// of zeros (nothing to generate) in front.
///
/// # Shapes
/// - mask: `[B, 1, T, H, W]`, 1 where the video is to be generated, 0 where it is kept
/// - frames: latent frames F of the video; cell: side s of a latent cell in pixels
/// - output: `[B, s², R + F, H/s, W/s]`
pub fn control_mask(
    mask: &Tensor,
    frames: usize,
    cell: usize,
    references: usize,
) -> Result<Tensor> {
    let (b, channels, t, h, w) = mask.dims5()?;
    if channels != 1 || cell == 0 || h % cell != 0 || w % cell != 0 {
        bail!(
            "expected a mask [B, 1, T, H, W] with H and W multiples of {cell}, found {:?}",
            mask.shape()
        );
    }
    let (rows, columns) = (h / cell, w / cell);
    let cells = mask
        .reshape(&[b * t, rows, cell, columns, cell])?
        .permute([0, 2, 4, 1, 3])?
        .reshape(&[b, t, cell * cell, rows, columns])?
        .transpose(1, 2)?
        .contiguous()?;
    let picked: Vec<u32> = nearest_exact(t, frames).into_iter().map(|at| at as u32).collect();
    let picked = Tensor::from_vec(picked, frames, mask.device())?;
    cells.index_select(&picked, 2)?.pad_with_zeros(2, references, 0)?.to_dtype(DType::F32)
}

/// The place among `from` values that each of `to` is taken from: ⌊(i + ½)·from/to⌋, torch's
/// `interpolate(mode="nearest-exact")`.
pub fn nearest_exact(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f64 / to.max(1) as f64;
    (0..to).map(|i| (((i as f64 + 0.5) * scale) as usize).min(from.saturating_sub(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::{control_mask, nearest_exact};
    use candle_core::{Device, Tensor};

    #[test]
    fn eighty_one_frames_become_twenty_one() {
        let expected =
            [1, 5, 9, 13, 17, 21, 25, 28, 32, 36, 40, 44, 48, 52, 55, 59, 63, 67, 71, 75, 79];
        assert_eq!(nearest_exact(81, 21), expected);
        assert_eq!(nearest_exact(5, 5), [0, 1, 2, 3, 4]);
        assert!(nearest_exact(0, 0).is_empty());
    }

    #[test]
    fn a_cell_becomes_channels_row_by_row() {
        let pixels: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let mask = Tensor::from_vec(pixels, (1, 1, 1, 2, 8), &Device::Cpu).unwrap();
        let channels = control_mask(&mask, 1, 2, 1).unwrap();
        assert_eq!(channels.dims(), [1, 4, 2, 1, 4]);
        let frame = |at: usize| -> Vec<Vec<f32>> {
            let frame = channels.get(0).unwrap().narrow(1, at, 1).unwrap();
            frame.reshape((4, 4)).unwrap().to_vec2().unwrap()
        };
        assert!(frame(0).iter().flatten().all(|&value| value == 0.0));
        assert_eq!(frame(1)[0], [0.0, 2.0, 4.0, 6.0]); // row 0, column 0 of each cell
        assert_eq!(frame(1)[1], [1.0, 3.0, 5.0, 7.0]);
        assert_eq!(frame(1)[2], [8.0, 10.0, 12.0, 14.0]);
    }

    #[test]
    fn masks_that_do_not_fit_are_errors() {
        let mask = Tensor::zeros((1, 1, 1, 6, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = control_mask(&mask, 1, 4, 0).unwrap_err().to_string();
        assert!(error.starts_with("expected a mask [B, 1, T, H, W] with H and W multiples of 4"));
    }
}
