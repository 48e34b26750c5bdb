//! Cuts pictures into square patches and puts them together again.

use candle_core::{Result, Tensor, bail};

/// Cuts pictures `[N, C, H, W]` into patches `[N, H/p, W/p, C·p²]`; a patch is laid out channel,
/// row, column.
///
/// # Errors
/// When p divides H or W not.
pub(super) fn cut(pictures: &Tensor, patch_px: usize) -> Result<Tensor> {
    let (n, c, h, w) = pictures.dims4()?;
    if patch_px == 0 || !h.is_multiple_of(patch_px) || !w.is_multiple_of(patch_px) {
        bail!("pictures of {h}×{w} pixels cannot be cut into patches of {patch_px}×{patch_px}");
    }
    let (rows, columns) = (h / patch_px, w / patch_px);
    pictures
        .reshape(vec![n, c, rows, patch_px, columns, patch_px])?
        .permute(vec![0, 2, 4, 1, 3, 5])?
        .reshape((n, rows, columns, c * patch_px * patch_px))
}

/// The inverse of [`cut`] for pictures of `channels` channels.
pub(super) fn join(patches: &Tensor, channels: usize, patch_px: usize) -> Result<Tensor> {
    let (n, rows, columns, _) = patches.dims4()?;
    patches
        .reshape(vec![n, rows, columns, channels, patch_px, patch_px])?
        .permute(vec![0, 3, 1, 4, 2, 5])?
        .reshape((n, channels, rows * patch_px, columns * patch_px))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{cut, join};

    #[test]
    fn patches_run_row_by_row_and_join_to_the_picture() {
        let pictures = Tensor::arange(0f32, 96.0, &Device::Cpu).unwrap();
        let pictures = pictures.reshape((2, 3, 4, 4)).unwrap();
        let patches = cut(&pictures, 2).unwrap();
        assert_eq!(patches.dims(), [2, 2, 2, 12]);
        let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(flat(&patches)[..8], [0., 1., 4., 5., 16., 17., 20., 21.]);
        assert_eq!(flat(&join(&patches, 3, 2).unwrap()), flat(&pictures));
        assert!(cut(&pictures, 3).unwrap_err().to_string().contains("4×4 pixels"));
    }
}
