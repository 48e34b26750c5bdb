//! The pose variation–identity invariance loss L_PIA (Eq. 5).

use candle_core::{D, Device, Result, Tensor, bail};

use crate::aligner::unit_rows;

/// Largest logit scale: CLIP's cap on 1/τ of 100.
pub const MAX_LOGIT_SCALE: f64 = 4.605_170_185_988_092; // ln 100

/// Logit scale at the start: CLIP's ln(1/0.07).
pub const INITIAL_LOGIT_SCALE: f64 = 2.659_260_036_932_778;

/// Eq. 5: the sum (CLIP's code takes the mean) of the cross-entropies of both directions, over
/// cosine similarities. With `identities`, pairs of one person are no negatives of each other.
///
/// # Shapes
/// - s1_nd, s2_nd: `[N, D]`, row i of both from one person in two poses
/// - logit_scale: scalar s = ln(1/τ), clamped at ln 100
/// - identities: N
/// - output: scalar
pub fn pia_loss(
    s1_nd: &Tensor,
    s2_nd: &Tensor,
    logit_scale: &Tensor,
    identities: Option<&[u32]>,
) -> Result<Tensor> {
    let logits_nn = similarity_logits(s1_nd, s2_nd, logit_scale)?;
    let positives_n = diagonal(&logits_nn)?;
    let logits_nn = match identities {
        Some(identities) => mask_same_identity(&logits_nn, identities)?,
        None => logits_nn,
    };
    let direction = |logits: &Tensor| (log_sum_exp(logits)? - &positives_n)?.mean_all();
    direction(&logits_nn)? + direction(&logits_nn.t()?.contiguous()?)?
}

/// sim(S1ᵢ, S2ⱼ)/τ: the logits inside Eq. 5.
///
/// # Shapes
/// - s1_nd, s2_nd: `[N, D]`; logit_scale: scalar
/// - output: `[N, N]`
pub fn similarity_logits(s1_nd: &Tensor, s2_nd: &Tensor, logit_scale: &Tensor) -> Result<Tensor> {
    if s1_nd.dims() != s2_nd.dims() || s1_nd.rank() != 2 {
        bail!(
            "expected S1 and S2 of one shape [N, D], found {:?}, {:?}",
            s1_nd.shape(),
            s2_nd.shape()
        );
    }
    let cosines_nn = unit_rows(s1_nd)?.matmul(&unit_rows(s2_nd)?.t()?.contiguous()?)?;
    cosines_nn.broadcast_mul(&clamped(logit_scale)?.exp()?.reshape(())?)
}

/// min(s, ln 100), with the gradient of s up to and at the cap. (candle's `minimum` halves the
/// gradient of a tie, and a trainer that clamps s after each step sits exactly there.)
fn clamped(logit_scale: &Tensor) -> Result<Tensor> {
    let cap = Tensor::full(MAX_LOGIT_SCALE as f32, logit_scale.shape(), logit_scale.device())?;
    logit_scale.le(&cap)?.where_cond(logit_scale, &cap)
}

/// Pushes the logits of other pairs of the same person out of the softmax; the diagonal stays.
fn mask_same_identity(logits_nn: &Tensor, identities: &[u32]) -> Result<Tensor> {
    const NEVER: f32 = -1e9; // exp underflows to 0; −∞ would make 0·∞ in the backward pass
    let n = logits_nn.dim(0)?;
    if identities.len() != n {
        bail!("expected {n} identities, one per pair, found {}", identities.len());
    }
    let masked = |i: usize, j: usize| i != j && identities[i] == identities[j];
    let mask: Vec<f32> =
        (0..n * n).map(|at| if masked(at / n, at % n) { NEVER } else { 0.0 }).collect();
    logits_nn + Tensor::from_vec(mask, (n, n), &Device::Cpu)?.to_device(logits_nn.device())?
}

fn diagonal(logits_nn: &Tensor) -> Result<Tensor> {
    let n = logits_nn.dim(0)?;
    let flat = logits_nn.flatten_all()?;
    let places: Vec<u32> = (0..n).map(|i| (i * (n + 1)) as u32).collect();
    flat.index_select(&Tensor::from_vec(places, n, logits_nn.device())?, 0)
}

/// log Σ exp over the last dimension. The shift by the maximum carries no gradient: candle gives
/// every tied maximum the full one.
fn log_sum_exp(logits_nn: &Tensor) -> Result<Tensor> {
    let shift_n1 = logits_nn.detach().max_keepdim(D::Minus1)?;
    let sums_n1 = logits_nn.broadcast_sub(&shift_n1)?.exp()?.sum_keepdim(D::Minus1)?;
    (sums_n1.log()? + shift_n1)?.squeeze(D::Minus1)
}

#[cfg(test)]
mod tests {
    use super::{MAX_LOGIT_SCALE, pia_loss};
    use crate::ops::gradcheck;
    use crate::stream::Stream;
    use candle_core::{Device, Tensor, Var};

    fn batch() -> (Tensor, Tensor, Tensor) {
        let mut stream = Stream::new(1, "test/loss", 0);
        let mut side = || stream.normal_tensor((4, 6), 1.0, &Device::Cpu).unwrap();
        (side(), side(), Tensor::new(1.5f32, &Device::Cpu).unwrap())
    }

    fn value(identities: Option<&[u32]>) -> f32 {
        let (s1, s2, scale) = batch();
        pia_loss(&s1, &s2, &scale, identities).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn gradients_match_finite_differences() {
        let (s1, s2, scale) = batch();
        for identities in [None, Some([7, 8, 7, 9])] {
            let loss = |x: &[Tensor]| {
                pia_loss(&x[0], &x[1], &x[2], identities.as_ref().map(<[u32; 4]>::as_slice))
            };
            gradcheck(&loss, &[s1.clone(), s2.clone(), scale.clone()], 5e-3).unwrap();
        }
    }

    #[test]
    fn masking_removes_only_negatives_of_the_same_person() {
        assert!((value(None) - value(Some(&[1, 2, 3, 4]))).abs() < 1e-6);
        assert!(value(Some(&[1, 2, 1, 4])) < value(None));
        // Nobody but oneself is left to be told apart from.
        assert!(value(Some(&[5, 5, 5, 5])).abs() < 1e-5);
    }

    #[test]
    fn the_logit_scale_is_capped_and_still_learns_at_the_cap() {
        let (s1, s2, _) = batch();
        let at = |scale: f64| {
            let scale = Var::new(scale as f32, &Device::Cpu).unwrap();
            let loss = pia_loss(&s1, &s2, &scale, None).unwrap();
            let gradient = loss.backward().unwrap().get(&scale).unwrap().to_scalar::<f32>();
            (loss.to_scalar::<f32>().unwrap(), gradient.unwrap())
        };
        assert!((at(MAX_LOGIT_SCALE).0 - at(MAX_LOGIT_SCALE + 1.0).0).abs() < 1e-6);
        assert!(at(MAX_LOGIT_SCALE).1.abs() > 0.1);
        assert!(at(MAX_LOGIT_SCALE + 1.0).1.abs() < 1e-12);
    }

    #[test]
    fn a_zero_row_gives_finite_gradients() {
        let (s1, _, scale) = batch();
        let zero = Var::from_tensor(&s1.zeros_like().unwrap()).unwrap();
        let loss = pia_loss(&zero, &s1, &scale, None).unwrap();
        let gradient = loss.backward().unwrap().get(&zero).unwrap().flatten_all().unwrap();
        assert!(gradient.to_vec1::<f32>().unwrap().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn identities_are_counted() {
        let (s1, s2, scale) = batch();
        let error = pia_loss(&s1, &s2, &scale, Some(&[1])).unwrap_err().to_string();
        assert!(error.starts_with("expected 4 identities, one per pair, found 1"), "{error}");
    }
}
