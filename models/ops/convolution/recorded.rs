//! A convolution on candle's graph, with its gradients: by our kernels, for f32 on the CPU.

use candle_core::{Result, Shape, Tensor};

use super::super::record::{Rule, Step, Value, record};
use super::super::values::{on_fast_path, tensor_like, with_values};
use super::geometry::Geometry;
use super::tiled::{Saved, backward, bias_gradient, forward};

/// Whether the kernels apply to these operands.
pub(super) fn applies(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> bool {
    on_fast_path(&[x, weight]) && bias.is_none_or(|bias| on_fast_path(&[bias]))
}

/// The convolution, of shape `shape`.
pub(super) fn convolution<S: Into<Shape>>(
    geometry: Geometry,
    (x, weight): (&Tensor, &Tensor),
    bias: Option<&Tensor>,
    shape: S,
) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let Some(bias) = bias else {
        let y = with_values([&x, &weight], |[x, weight]| Ok(forward(&geometry, x, weight, None)))?;
        return record([&x, &weight], Value::host(y, shape), Convolution(geometry));
    };
    let bias = bias.contiguous()?;
    let y = with_values([&x, &weight, &bias], |[x, weight, bias]| {
        Ok(forward(&geometry, x, weight, Some(bias)))
    })?;
    record([&x, &weight, &bias], Value::host(y, shape), Convolution(geometry))
}

struct Convolution(Geometry);

impl Convolution {
    fn products(
        &self,
        [x, weight]: [&Tensor; 2],
        wanted: [bool; 2],
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 2]> {
        with_values([x, weight, grad], |[x_values, weight_values, grad]| {
            let saved = Saved { x: x_values, weight: weight_values, grad };
            let [in_x, in_weight] = backward(&self.0, saved, wanted);
            Ok([
                in_x.map(|values| tensor_like(values, x)).transpose()?,
                in_weight.map(|values| tensor_like(values, weight)).transpose()?,
            ])
        })
    }
}

impl Rule<2> for Convolution {
    const NAME: &'static str = "convolution";

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let [x, weight] = &step.operands;
        self.products([x, weight], step.wanted, &step.grad)
    }
}

impl Rule<3> for Convolution {
    const NAME: &'static str = "convolution";

    fn gradients(&self, step: &Step<3>) -> Result<[Option<Tensor>; 3]> {
        let ([x, weight, bias], [want_x, want_weight, want_bias]) = (&step.operands, step.wanted);
        let [in_x, in_weight] = self.products([x, weight], [want_x, want_weight], &step.grad)?;
        let in_bias = want_bias.then(|| {
            let sums = with_values([&step.grad], |[grad]| Ok(bias_gradient(&self.0, grad)))?;
            tensor_like(sums, bias)
        });
        Ok([in_x, in_weight, in_bias.transpose()?])
    }
}
