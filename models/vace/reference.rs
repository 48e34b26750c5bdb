//! Reference pictures, fitted to the video's size as VACE wants them.

use candle_core::{Result, Tensor, bail};

/// Fits a picture inside `height` × `width` keeping its aspect, centred on white (+1).
///
/// Bilinear without antialiasing and with half-pixel centres, as both the original and diffusers
/// have it (`interpolate(mode="bilinear", align_corners=False)`): shrinking by more than 2 skips
/// pixels, so bring large photographs near the size first.
///
/// # Shapes
/// - picture: `[3, h, w]`, RGB in [−1, 1]
/// - output: `[3, height, width]`
pub fn fit_reference(picture: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, h, w) = picture.dims3()?;
    if [h, w, height, width].contains(&0) {
        bail!("cannot fit a picture of {w}×{h} pixels into {width}×{height}");
    }
    let scale = (height as f64 / h as f64).min(width as f64 / w as f64);
    let side = |pixels: usize, most: usize| ((pixels as f64 * scale) as usize).clamp(1, most);
    let (new_h, new_w) = (side(h, height), side(w, width));
    let resized = resample(picture, 1, new_h)?;
    let resized = resample(&resized, 2, new_w)?;
    let (top, left) = ((height - new_h) / 2, (width - new_w) / 2);
    // White is +1: pad 1 − x with zeros.
    let darkness = resized.affine(-1.0, 1.0)?;
    darkness
        .pad_with_zeros(1, top, height - new_h - top)?
        .pad_with_zeros(2, left, width - new_w - left)?
        .affine(-1.0, 1.0)
}

/// Linear resampling of one dimension to `size` places.
fn resample(x: &Tensor, dim: usize, size: usize) -> Result<Tensor> {
    let from = x.dim(dim)?;
    if from == size {
        return Ok(x.clone());
    }
    let scale = from as f64 / size as f64;
    let places: Vec<f64> = (0..size).map(|at| ((at as f64 + 0.5) * scale - 0.5).max(0.0)).collect();
    let pick = |of: &dyn Fn(usize) -> usize| {
        let index: Vec<u32> = places.iter().map(|&place| of(place as usize) as u32).collect();
        x.index_select(&Tensor::from_vec(index, size, x.device())?, dim)
    };
    let (before, after) = (pick(&|at| at.min(from - 1))?, pick(&|at| (at + 1).min(from - 1))?);
    let shares: Vec<f32> = places.iter().map(|place| place.fract() as f32).collect();
    let mut shape = vec![1; x.rank()];
    shape[dim] = size;
    let shares = Tensor::from_vec(shares, shape, x.device())?;
    &before + (&after - &before)?.broadcast_mul(&shares)?
}

#[cfg(test)]
mod tests {
    use super::fit_reference;
    use candle_core::{DType, Device, Tensor};

    fn rows(picture: &Tensor) -> Vec<Vec<f32>> {
        picture.get(0).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn a_tall_picture_gets_white_sides() {
        let grey = Tensor::full(-0.5f32, (3, 4, 2), &Device::Cpu).unwrap();
        let fitted = rows(&fit_reference(&grey, 4, 8).unwrap());
        assert_eq!(fitted[2], [1.0, 1.0, 1.0, -0.5, -0.5, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn doubling_interpolates_between_pixel_centres() {
        let ramp = Tensor::new(&[0f32, 0.4], &Device::Cpu).unwrap();
        let ramp = ramp.reshape((1, 1, 2)).unwrap().broadcast_as((3, 1, 2)).unwrap();
        let fitted = rows(&fit_reference(&ramp.contiguous().unwrap(), 2, 4).unwrap());
        for (found, expected) in fitted[0].iter().zip([0.0, 0.1, 0.3, 0.4]) {
            assert!((found - expected).abs() < 1e-6, "{fitted:?}");
        }
        assert_eq!(fitted[0], fitted[1]);
    }

    #[test]
    fn a_picture_of_the_right_size_stays_as_it_is() {
        let values: Vec<f32> = (0..24).map(|i| i as f32 / 12.0 - 1.0).collect();
        let picture = Tensor::from_vec(values, (3, 2, 4), &Device::Cpu).unwrap();
        let change = (fit_reference(&picture, 2, 4).unwrap() - &picture).unwrap().abs().unwrap();
        assert!(change.max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-6);
    }

    #[test]
    fn extreme_shapes_keep_at_least_a_line() {
        let line = Tensor::zeros((3, 1, 1000), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(fit_reference(&line, 16, 16).unwrap().dims(), [3, 16, 16]);
        let none = Tensor::zeros((3, 0, 4), DType::F32, &Device::Cpu).unwrap();
        let error = fit_reference(&none, 16, 16).unwrap_err().to_string();
        assert!(error.starts_with("cannot fit a picture of 4×0 pixels into 16×16"), "{error}");
    }
}
