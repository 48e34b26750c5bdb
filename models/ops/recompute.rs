//! Gradient checkpointing (Chen et al. 2016): a function whose inner values are not kept but
//! computed again when its gradients are asked for.

use candle_core::{Result, Tensor, Var};

use super::record::{Rule, Step, Value, record};

/// f(inputs), where only the inputs and the result stay in memory until the backward pass. Costs a
/// second evaluation of `f` there.
///
/// `trained` are the tensors beside `inputs` in which `f` has gradients: weights it captured. Their
/// gradients arrive with all others. They, and the tracked ones of `inputs` after the first, are
/// copied once, so put the largest first.
///
/// # Shapes
/// As `f` has them. All tracked tensors must be of one number type.
///
/// # Errors
/// When `f` fails, or there is no input.
pub fn recomputed(
    inputs: &[Tensor],
    trained: &[Tensor],
    f: impl Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<Tensor> {
    let Some((first, others)) = inputs.split_first() else {
        candle_core::bail!("`recomputed` expects at least one input")
    };
    let detached: Vec<Tensor> = inputs.iter().map(Tensor::detach).collect();
    let value = Value::Plain(f(&detached)?.detach());
    // candle records at most three operands: all but the first travel as one flat tensor, whose
    // gradient `cat` hands back to each.
    let tracked = others.iter().chain(trained).filter(|tensor| tensor.track_op());
    let flat: Vec<Tensor> = tracked.map(Tensor::flatten_all).collect::<Result<_>>()?;
    let passengers = others.iter().map(Tensor::track_op).collect();
    let trained = trained.iter().filter(|tensor| tensor.track_op()).cloned().collect();
    let rule = Recomputed { f, others: detached[1..].to_vec(), passengers, trained };
    if flat.is_empty() {
        record([first], value, rule)
    } else {
        record([first, &Tensor::cat(&flat, 0)?], value, rule)
    }
}

struct Recomputed<F> {
    f: F,
    /// The inputs after the first, detached.
    others: Vec<Tensor>,
    /// Which of them have gradients.
    passengers: Vec<bool>,
    trained: Vec<Tensor>,
}

impl<F: Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static> Recomputed<F> {
    /// The gradients in the first input and in all flattened others.
    fn gradients(&self, first: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Vec<Tensor>)> {
        let first = Var::from_tensor(first)?;
        let others: Vec<Tensor> = self
            .others
            .iter()
            .zip(&self.passengers)
            .map(|(input, &tracked)| {
                if tracked { Ok(Var::from_tensor(input)?.into_inner()) } else { Ok(input.clone()) }
            })
            .collect::<Result<_>>()?;
        let inputs: Vec<Tensor> =
            std::iter::once(first.as_tensor()).chain(&others).cloned().collect();
        let mut store = ((self.f)(&inputs)? * grad)?.sum_all()?.backward()?;
        let in_first = store.remove(&first).map(|gradient| gradient.detach());
        let tracked = others.iter().zip(&self.passengers).filter(|(_, tracked)| **tracked);
        let flat = tracked
            .map(|(input, _)| input)
            .chain(&self.trained)
            .map(|tensor| match store.remove(tensor) {
                Some(gradient) => gradient.detach().flatten_all(),
                None => tensor.detach().zeros_like()?.flatten_all(),
            })
            .collect::<Result<_>>()?;
        Ok((in_first, flat))
    }
}

impl<F: Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static> Rule<1> for Recomputed<F> {
    const NAME: &'static str = "recomputed";
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<1>) -> Result<[Option<Tensor>; 1]> {
        let (in_first, _) = self.gradients(&step.operands[0], &step.grad)?;
        Ok([in_first])
    }
}

impl<F: Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static> Rule<2> for Recomputed<F> {
    const NAME: &'static str = "recomputed";
    const USES: [bool; 2] = [true, false];
    const USES_OUTPUT: bool = false;

    fn gradients(&self, step: &Step<2>) -> Result<[Option<Tensor>; 2]> {
        let (in_first, flat) = self.gradients(&step.operands[0], &step.grad)?;
        Ok([in_first.filter(|_| step.wanted[0]), Some(Tensor::cat(&flat, 0)?)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor, Var};

    use super::recomputed;
    use crate::ops::agreement::{assert_agrees, sample};

    fn curve(x: &[Tensor]) -> Result<Tensor> {
        x[0].matmul(&x[1].tanh()?)?.broadcast_mul(&x[2].sqr()?)
    }

    #[test]
    fn value_and_gradients_agree_with_the_function() {
        let inputs = [sample((3, 2), 1), sample((2, 4), 2), sample((1, 4), 3)];
        assert_agrees(&|x| recomputed(x, &[], curve), &curve, &inputs);
        let single = [sample((3, 2), 4)];
        assert_agrees(&|x| recomputed(x, &[], |x| x[0].tanh()), &|x| x[0].tanh(), &single);
    }

    #[test]
    fn captured_weights_get_their_gradients_and_frozen_ones_none() {
        let [x, weight, frozen] = [sample((3, 2), 1), sample((2, 4), 2), sample((1, 4), 3)];
        let weight = Var::from_tensor(&weight).unwrap();
        let captured = [weight.as_tensor().clone(), frozen.clone()];
        let gradient = |y: Tensor| {
            let store = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            assert!(store.get(&frozen).is_none());
            store.get(&weight).unwrap().to_vec2::<f32>().unwrap()
        };
        let inner = captured.clone();
        let f = move |x: &[Tensor]| curve(&[x[0].clone(), inner[0].clone(), inner[1].clone()]);
        let plain = gradient(f(std::slice::from_ref(&x)).unwrap());
        assert_eq!(gradient(recomputed(&[x], &captured, f).unwrap()), plain);
    }
}
