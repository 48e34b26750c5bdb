//! How close a generated clip is to the clip that was filmed.

/// Peak signal-to-noise ratio in dB between pictures of bytes; the same bytes give infinity.
pub fn psnr_db(found: &[u8], filmed: &[u8]) -> f64 {
    let squares = found.iter().zip(filmed).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let mean = squares.sum::<f64>() / (filmed.len().max(1) as f64);
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[cfg(test)]
mod tests {
    use super::psnr_db;

    #[test]
    fn an_error_of_one_level_is_48_db() {
        assert!((psnr_db(&[10, 20, 30], &[11, 19, 31]) - 20.0 * 255f64.log10()).abs() < 1e-12);
        assert_eq!(psnr_db(&[7], &[7]), f64::INFINITY);
    }
}
