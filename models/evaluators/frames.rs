//! Frames as bytes become the tensor that every evaluator reads.

use candle_core::{Device, Result, Tensor, bail};

/// RGB bytes, row by row, as values in [−1, 1].
///
/// # Shapes
/// - pixels: B·side²·3 bytes
/// - output: `[B, 3, side, side]`
pub fn frames_tensor(pixels: &[u8], side: usize, device: &Device) -> Result<Tensor> {
    let bytes = side * side * 3;
    if bytes == 0 || !pixels.len().is_multiple_of(bytes) {
        bail!("{} bytes are no whole number of RGB frames of {side} px", pixels.len());
    }
    let mut values = Vec::with_capacity(pixels.len());
    for frame in pixels.chunks_exact(bytes) {
        for channel in 0..3 {
            let plane = frame.iter().skip(channel).step_by(3);
            values.extend(plane.map(|&value| f32::from(value) / 127.5 - 1.0));
        }
    }
    Tensor::from_vec(values, (pixels.len() / bytes, 3, side, side), device)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::frames_tensor;

    #[test]
    fn channels_become_planes_and_broken_frames_are_refused() {
        let pixels = [0, 255, 51, 255, 0, 51, 0, 0, 51, 0, 0, 51];
        let frame = frames_tensor(&pixels, 2, &Device::Cpu).unwrap();
        let planes = frame.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!(planes[0], [[-1.0, 1.0], [-1.0, -1.0]]);
        assert_eq!(planes[1], [[1.0, -1.0], [-1.0, -1.0]]);
        assert!((planes[2][1][1] + 0.6).abs() < 1e-6);
        assert!(frames_tensor(&pixels[1..], 2, &Device::Cpu).is_err());
        assert!(frames_tensor(&[], 0, &Device::Cpu).is_err());
    }
}
