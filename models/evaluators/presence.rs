//! Whether a frame shows a face: binary cross-entropy.

use candle_core::{Result, Tensor};

/// −y·ln σ(x) − (1−y)·ln(1−σ(x)), mean over the batch, in the form that does not overflow:
/// max(x, 0) − x·y + ln(1 + e^−|x|).
///
/// # Shapes
/// - logits_b: `[B]`; present: B
/// - output: scalar
pub fn presence_loss(logits_b: &Tensor, present: &[bool]) -> Result<Tensor> {
    let labels: Vec<f32> = present.iter().map(|&present| f32::from(u8::from(present))).collect();
    let labels = Tensor::from_vec(labels, present.len(), logits_b.device())?;
    let labels = labels.to_dtype(logits_b.dtype())?;
    let tail = (logits_b.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((logits_b.relu()? - (logits_b * labels)?)? + tail)?.mean_all()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::presence_loss;
    use crate::ops::gradcheck;

    #[test]
    fn values_and_gradients_are_right() {
        let logits = Tensor::new(&[2.0_f64, -3.0, 0.5], &Device::Cpu).unwrap();
        let present = [true, false, false];
        let found = presence_loss(&logits, &present).unwrap().to_scalar::<f64>().unwrap();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let expected =
            -(sigmoid(2.0).ln() + (1.0 - sigmoid(-3.0)).ln() + (1.0 - sigmoid(0.5)).ln()) / 3.0;
        assert!((found - expected).abs() < 1e-9);
        gradcheck(&|x| presence_loss(&x[0], &present), &[logits], 1e-6).unwrap();
        let far = Tensor::new(&[1000.0_f32], &Device::Cpu).unwrap();
        assert_eq!(presence_loss(&far, &[false]).unwrap().to_scalar::<f32>().unwrap(), 1000.0);
    }
}
