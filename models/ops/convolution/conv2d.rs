//! Convolution of pictures.

use candle_core::{Result, Tensor, bail};

use super::geometry::{Conv2d, Geometry};
use super::recorded::{applies, convolution};

/// Cross-correlation of pictures with a kernel, plus a bias: what networks call a convolution.
/// Operands that ask for no gradient get none computed.
///
/// # Shapes
/// `x` (B, C, H, W), `weight` (O, C/groups, kh, kw), `bias` (O) → (B, O, H', W') with
/// H' = ⌊(H + top + bottom − kh)/stride⌋ + 1 and W' likewise.
///
/// # Errors
/// When the shapes do not fit together.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: Conv2d) -> Result<Tensor> {
    let (&[batch, channels, height, width], &[outputs, inner, kh, kw]) = (x.dims(), weight.dims())
    else {
        bail!(
            "`conv2d` expects x [B, C, H, W] and a weight [O, C/groups, kh, kw], found {:?} and \
             {:?}",
            x.dims(),
            weight.dims()
        )
    };
    let film = [batch, 1, channels, height, width];
    let geometry = Geometry::new(film, [outputs, inner, 1, kh, kw], conv, 1)?;
    geometry.check_bias(bias)?;
    if !applies(x, weight, bias) {
        return plain(x, weight, bias, conv);
    }
    let [height, width] = geometry.out_size;
    convolution(geometry, (x, weight), bias, (batch, outputs, height, width))
}

/// The same by candle's operations, of shapes known to fit.
pub(super) fn plain(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    conv: Conv2d,
) -> Result<Tensor> {
    let Conv2d { stride, padding: [top, bottom, left, right], groups } = conv;
    let x = x.pad_with_zeros(2, top, bottom)?.pad_with_zeros(3, left, right)?;
    let (_, _, height, width) = x.dims4()?;
    let (_, _, kh, kw) = weight.dims4()?;
    // candle derives the size of the gradient from the height alone: pixels that no kernel
    // reaches must go first.
    let reached = |side: usize, kernel: usize| (side - kernel) / stride * stride + kernel;
    let x = x.narrow(2, 0, reached(height, kh))?.narrow(3, 0, reached(width, kw))?;
    let y = x.contiguous()?.conv2d(&weight.contiguous()?, 0, stride, 1, groups)?;
    match bias {
        None => Ok(y),
        Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor, Var};

    use super::{Conv2d, conv2d, plain};
    use crate::ops::agreement::{assert_agrees, sample};

    fn naive(x: &[Tensor], conv: Conv2d) -> Result<Tensor> {
        plain(&x[0], &x[1], x.get(2), conv)
    }

    #[test]
    fn value_and_gradients_agree_with_candles() {
        let bare = Conv2d::default();
        for (x, weight, conv) in [
            ((1, 1, 1, 1), (1, 1, 1, 1), bare),
            ((2, 3, 4, 5), (4, 3, 1, 1), bare),
            ((2, 3, 6, 5), (2, 3, 3, 3), Conv2d::padded(1)),
            ((2, 3, 6, 5), (2, 3, 3, 3), Conv2d { stride: 2, padding: [0, 1, 0, 1], groups: 1 }),
            ((2, 4, 5, 7), (6, 2, 3, 2), Conv2d { stride: 2, padding: [2, 0, 1, 3], groups: 2 }),
            ((1, 3, 4, 4), (3, 1, 3, 3), Conv2d { groups: 3, ..Conv2d::padded(1) }),
            ((9, 2, 1, 2), (3, 2, 1, 2), Conv2d { stride: 3, ..bare }),
            ((1, 1, 2, 2), (1, 1, 3, 3), Conv2d::padded(4)),
        ] {
            let inputs = [sample(x, 1), sample(weight, 2), sample(weight.0, 3)];
            let fused = |x: &[Tensor]| conv2d(&x[0], &x[1], x.get(2), conv);
            assert_agrees(&fused, &|x| naive(x, conv), &inputs);
            assert_agrees(&fused, &|x| naive(x, conv), &inputs[..2]);
        }
    }

    #[test]
    fn tiles_that_cut_pictures_and_channels_agree_too() {
        for (x, weight, conv) in [
            ((3, 2, 40, 33), (5, 2, 3, 3), Conv2d::padded(1)), // tiles over picture borders
            ((3, 2, 40, 33), (5, 2, 1, 1), Conv2d::padded(0)),
            ((2, 4, 9, 9), (140, 2, 3, 3), Conv2d { groups: 2, ..Conv2d::padded(1) }),
            ((1, 1, 2, 700), (1, 1, 2, 3), Conv2d::padded(1)),
            ((1, 130, 3, 4), (2, 130, 3, 3), Conv2d::padded(1)), // several passes over channels
        ] {
            let inputs = [sample(x, 1), sample(weight, 2), sample(weight.0, 3)];
            let found = conv2d(&inputs[0], &inputs[1], Some(&inputs[2]), conv).unwrap();
            let error = (found - naive(&inputs, conv).unwrap()).unwrap().abs().unwrap();
            let error: f32 = error.max_all().unwrap().to_scalar().unwrap();
            assert!(error < 1e-4, "{x:?} {weight:?}: {error}");
        }
    }

    #[test]
    fn frozen_operands_get_no_gradient() {
        let x = Var::from_tensor(&sample((2, 3, 4, 4), 1)).unwrap();
        let weight = sample((2, 3, 3, 3), 2);
        let y = conv2d(&x, &weight, None, Conv2d::padded(1)).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        assert!(grads.get(&x).is_some() && grads.get(&weight).is_none());
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let refused = |x: &[usize], weight: &[usize], conv| {
            conv2d(&sample(x, 1), &sample(weight, 2), None, conv).unwrap_err().to_string()
        };
        let text = refused(&[1, 3, 4, 4], &[2, 4, 3, 3], Conv2d::padded(1));
        assert!(text.contains("take 3 channels through a kernel of 2×4"), "{text}");
        let text = refused(&[1, 3, 2, 2], &[2, 3, 3, 3], Conv2d::default());
        assert!(text.contains("1×3×3 finds no place in 1 frames of 2×2 pixels"), "{text}");
    }
}
