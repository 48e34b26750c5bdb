//! Rotary position embedding of interleaved pairs (Su et al. 2021, eq. 15), with the gradient that
//! candle's version lacks.

use candle_core::{D, DType, Result, Tensor, bail};
use rayon::prelude::*;

use super::lanes::vectorized;
use super::record::{Rule, Step, Value, record};
use super::values::{expect_shape, on_fast_path, tensor_like, with_values};

/// Tokens that one task turns at least; below, splitting costs more than it gains.
const TOKENS_PER_TASK: usize = 64;

/// Rotates each pair (x₂ᵢ, x₂ᵢ₊₁) of every head by the angle of its token and frequency i.
///
/// The angles are constants: no gradient reaches them.
///
/// # Shapes
/// `x_blhd` (B, L, H, Dh), `cos` and `sin` both (L, Dh/2) or both (B·L, Dh/2) → (B, L, H, Dh).
///
/// # Errors
/// When Dh is odd or 0, or the shapes do not fit together.
pub fn rope(x_blhd: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let &[batch, tokens, heads, head_width] = x_blhd.dims() else {
        bail!("`rope` expects heads (B, L, H, Dh), found {:?}", x_blhd.dims())
    };
    let rows = cos.dims().first().copied().unwrap_or_default();
    if head_width == 0
        || head_width % 2 != 0
        || rows == 0
        || (rows != tokens && rows != batch * tokens)
    {
        bail!(
            "`rope` expects an even Dh above 0 and angles (L, Dh/2) or (B·L, Dh/2), found {:?} and {:?}",
            x_blhd.dims(),
            cos.dims()
        )
    }
    expect_shape("rope", "cos", cos, (rows, head_width / 2))?;
    expect_shape("rope", "sin", sin, (rows, head_width / 2))?;
    let angles =
        Rotation { cos: cos.detach().contiguous()?, sin: sin.detach().contiguous()?, heads };
    let x = x_blhd.contiguous()?;
    let value = angles.rotated(&x.detach(), Direction::Forward)?;
    record([&x], value, angles)
}

/// The angles, and the number of heads that turn by the same.
struct Rotation {
    cos: Tensor,
    sin: Tensor,
    heads: usize,
}

/// Which way the pairs turn; the transpose of a rotation is its inverse.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Back,
}

impl Rule<1> for Rotation {
    const NAME: &'static str = "rope";
    const USES: [bool; 1] = [false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        match self.rotated(&step.grad, Direction::Back)? {
            Value::Host(values, _) => Ok([Some(tensor_like(values, &step.grad)?)]),
            Value::Plain(tensor) => Ok([Some(tensor)]),
        }
    }
}

impl Rotation {
    fn rotated(&self, x: &Tensor, direction: Direction) -> Result<Value> {
        if !on_fast_path(&[x, &self.cos, &self.sin]) {
            return Ok(Value::Plain(self.composed(x, direction)?));
        }
        let extents = [self.heads, self.cos.dim(1)?];
        let y = with_values([x, &self.cos, &self.sin], |[x, cos, sin]| {
            Ok(rotate(x, (cos, sin), extents, direction))
        })?;
        Ok(Value::host(y, x.shape()))
    }

    /// The same on candle's operations; half precision is widened, as the original networks do.
    fn composed(&self, x: &Tensor, direction: Direction) -> Result<Tensor> {
        let (batch, tokens, heads, head_width) = x.dims4()?;
        let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let angles = |angles: &Tensor| {
            let items = angles.dim(0)? / tokens.max(1);
            angles.to_dtype(wide)?.reshape((items, tokens, 1, head_width / 2, 1))
        };
        let (cos, sin) = (angles(&self.cos)?, angles(&self.sin)?);
        let sin = if direction == Direction::Back { sin.neg()? } else { sin };
        let pairs = x.to_dtype(wide)?.reshape((batch, tokens, heads, head_width / 2, 2))?;
        let (even, odd) = (pairs.narrow(D::Minus1, 0, 1)?, pairs.narrow(D::Minus1, 1, 1)?);
        let turned_even = (even.broadcast_mul(&cos)? - odd.broadcast_mul(&sin)?)?;
        let turned_odd = (even.broadcast_mul(&sin)? + odd.broadcast_mul(&cos)?)?;
        let turned = Tensor::cat(&[turned_even, turned_odd], D::Minus1)?;
        turned.reshape(x.shape())?.to_dtype(x.dtype())
    }
}

/// The turned pairs of `x`; the angles begin again after their last row.
fn rotate(
    x: &[f32],
    (cos, sin): (&[f32], &[f32]),
    [heads, half]: [usize; 2],
    direction: Direction,
) -> Vec<f32> {
    let sign = if direction == Direction::Back { -1.0 } else { 1.0 };
    let (width, rows) = (2 * heads * half, cos.len() / half);
    let mut y = vec![0.0; x.len()];
    let tokens = y.par_chunks_mut(width).zip(x.par_chunks(width)).enumerate();
    tokens.with_min_len(TOKENS_PER_TASK).for_each(|(token, (y, x))| {
        let row = token % rows * half;
        let (cos, sin) = (&cos[row..row + half], &sin[row..row + half]);
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(2 * half).zip(x.chunks_exact(2 * half)) {
                    let pairs = y.chunks_exact_mut(2).zip(x.chunks_exact(2));
                    for ((y, x), (&cos, &sin)) in pairs.zip(cos.iter().zip(sin)) {
                        let sin = sign * sin;
                        y[0] = x[0].mul_add(cos, -x[1] * sin);
                        y[1] = x[0].mul_add(sin, x[1] * cos);
                    }
                }
            },
        );
    });
    y
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::{Direction, Rotation, rope};
    use crate::ops::agreement::{assert_agrees, sample};

    #[test]
    fn value_and_gradient_agree_with_the_composition() {
        for (batch, tokens, heads, half, rows) in
            [(1, 1, 1, 1, 1), (2, 3, 2, 2, 3), (2, 3, 2, 3, 6), (1, 70, 1, 1, 70)]
        {
            let (cos, sin) = (sample((rows, half), 2), sample((rows, half), 3));
            let x = [sample((batch, tokens, heads, 2 * half), 1)];
            let fused = |x: &[Tensor]| rope(&x[0], &like(&cos, x), &like(&sin, x));
            let naive = |x: &[Tensor]| {
                let angles = Rotation { cos: like(&cos, x), sin: like(&sin, x), heads };
                angles.composed(&x[0], Direction::Forward)
            };
            assert_agrees(&fused, &naive, &x);
        }
    }

    fn like(angles: &Tensor, x: &[Tensor]) -> Tensor {
        angles.to_dtype(x[0].dtype()).unwrap()
    }

    #[test]
    fn each_pair_turns_by_its_angle() {
        let device = &candle_core::Device::Cpu;
        let x = Tensor::new(&[1.0_f32, 0.0, 0.0, 2.0], device).unwrap();
        let angles = Tensor::new(&[[0.5_f32, -1.0]], device).unwrap();
        let x = x.reshape((1, 1, 1, 4)).unwrap();
        let y = rope(&x, &angles.cos().unwrap(), &angles.sin().unwrap()).unwrap();
        let found = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let expected = [0.5_f32.cos(), 0.5_f32.sin(), 2.0 * 1_f32.sin(), 2.0 * 1_f32.cos()];
        assert!(found.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn angles_of_another_length_are_refused() {
        let angles = sample((4, 2), 2);
        let text = rope(&sample((2, 3, 1, 4), 1), &angles, &angles).unwrap_err().to_string();
        assert!(text.contains("[2, 3, 1, 4]") && text.contains("[4, 2]"), "{text}");
    }
}
