//! The loss and its gradients over a batch of pairs, holding the graph of a part of it at a time.
//!
//! Gradient caching (Gao et al. 2021): S of all pairs without graphs → loss and ∂L/∂S → each chunk
//! forward again, this time backward from its share of ∂L/∂S. Twice the forward work buys a memory
//! that does not grow with the batch; the gradient is the same up to f32 rounding.

use candle_core::{Result, Tensor, Var};

use crate::aligner::Aligner;
use crate::dictionary::AlignerOutput;
use crate::gradients::Gradients;
use crate::loss::pia_loss;
use crate::params::Params;

/// A loss term of the two outputs (of the first and of the second faces), added to L_PIA: a
/// scalar.
pub type ExtraLoss<'a> = dyn Fn(&AlignerOutput, &AlignerOutput) -> Result<Tensor> + 'a;

/// N matched pairs of faces: row i of both sides shows one person in two poses.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// First and second faces, each `[N, 3, H, W]`, RGB in [−1, 1].
    pub images: [Tensor; 2],
    /// Their Euler angles, each `[N, 3]`, radians, order pitch, yaw, roll.
    pub eulers: [Tensor; 2],
    /// Who they are, if pairs of one person are to be masked out of the negatives.
    pub identities: Option<Vec<u32>>,
}

impl Pairs {
    /// Number of pairs N.
    pub fn count(&self) -> Result<usize> {
        self.images[0].dim(0)
    }
}

/// What is minimised, and how much of it is held at a time.
pub struct Objective<'a> {
    /// s = ln(1/τ): a parameter, or a constant.
    pub logit_scale: &'a Tensor,
    /// A further loss term.
    pub extra: Option<&'a ExtraLoss<'a>>,
    /// Pairs whose graph is held at a time; at least the number of pairs turns caching off.
    pub chunk: usize,
    /// Training step: sets the dictionary's temperature.
    pub step: u64,
}

/// The value of the objective and its gradients.
#[derive(Debug)]
pub struct LossAndGradients {
    /// L_PIA (Eq. 5).
    pub pia: f32,
    /// The further term, if there is one.
    pub extra: Option<f32>,
    /// Gradients of their sum.
    pub gradients: Gradients,
}

/// The objective of `pairs` and its gradients with respect to `params`.
pub fn loss_and_gradients(
    aligner: &Aligner,
    params: &Params,
    pairs: &Pairs,
    objective: &Objective,
) -> Result<LossAndGradients> {
    let n = pairs.count()?;
    if objective.chunk >= n {
        let outputs = forward(aligner, pairs, (0, n), objective.step)?;
        let (total, terms) = objective.evaluate(pairs, &outputs)?;
        let gradients = Gradients::take(params, &mut total.backward()?);
        return Ok(terms.with(gradients));
    }
    let chunks = chunks(n, objective.chunk.max(1));
    let cached = Cached::new(aligner, pairs, objective, &chunks)?;
    let (total, terms) = objective.evaluate(pairs, &cached.outputs()?)?;
    let mut store = total.backward()?;
    let mut gradients = Gradients::take(params, &mut store);
    for &part in &chunks {
        let outputs = forward(aligner, pairs, part, objective.step)?;
        let share = cached.share(&outputs, part, &store)?;
        gradients.accumulate(Gradients::take(params, &mut share.backward()?))?;
    }
    Ok(terms.with(gradients))
}

/// The values of the terms of a loss.
struct Terms {
    pia: f32,
    extra: Option<f32>,
}

impl Terms {
    fn with(self, gradients: Gradients) -> LossAndGradients {
        LossAndGradients { pia: self.pia, extra: self.extra, gradients }
    }
}

impl Objective<'_> {
    fn evaluate(&self, pairs: &Pairs, outputs: &[AlignerOutput; 2]) -> Result<(Tensor, Terms)> {
        let [first, second] = outputs;
        let pia = pia_loss(
            &first.shared_bd,
            &second.shared_bd,
            self.logit_scale,
            pairs.identities.as_deref(),
        )?;
        let Some(extra) = self.extra else {
            let terms = Terms { pia: pia.to_scalar()?, extra: None };
            return Ok((pia, terms));
        };
        let extra = extra(first, second)?;
        if extra.elem_count() != 1 {
            candle_core::bail!("an extra loss must be one number, found {:?}", extra.shape());
        }
        let extra = extra.reshape(())?;
        let terms = Terms { pia: pia.to_scalar()?, extra: Some(extra.to_scalar()?) };
        Ok(((pia + extra)?, terms))
    }
}

/// (start, length) of the parts of `n` pairs.
fn chunks(n: usize, chunk: usize) -> Vec<(usize, usize)> {
    (0..n).step_by(chunk).map(|start| (start, chunk.min(n - start))).collect()
}

/// Both sides of pairs `start..start + length`, as one batch: larger products run faster.
fn forward(
    aligner: &Aligner,
    pairs: &Pairs,
    (start, length): (usize, usize),
    step: u64,
) -> Result<[AlignerOutput; 2]> {
    let both = |sides: &[Tensor; 2]| {
        let [first, second] = sides;
        Tensor::cat(&[first.narrow(0, start, length)?, second.narrow(0, start, length)?], 0)
    };
    let output = aligner.forward(&both(&pairs.images)?, &both(&pairs.eulers)?, step)?;
    let side = |at: usize| -> Result<AlignerOutput> {
        Ok(AlignerOutput {
            weights_bc: output.weights_bc.narrow(0, at, length)?,
            shared_bd: output.shared_bd.narrow(0, at, length)?,
        })
    };
    Ok([side(0)?, side(length)?])
}

/// The outputs of all pairs as leaves of a new graph. W is kept only where a term reads it: at
/// n = 1024 and C = 32768 it is 268 MB.
struct Cached {
    shared: [Var; 2],
    weights: Option<[Var; 2]>,
}

impl Cached {
    fn new(
        aligner: &Aligner,
        pairs: &Pairs,
        objective: &Objective,
        chunks: &[(usize, usize)],
    ) -> Result<Self> {
        let keep_weights = objective.extra.is_some();
        let (mut shared, mut weights) = ([vec![], vec![]], [vec![], vec![]]);
        for &part in chunks {
            let outputs = forward(aligner, pairs, part, objective.step)?;
            for (side, output) in outputs.into_iter().enumerate() {
                // A copy, because a slice of the chunk's tensor would keep all of it.
                shared[side].push(output.shared_bd.detach().copy()?);
                if keep_weights {
                    weights[side].push(output.weights_bc.detach().copy()?);
                }
            }
        }
        let leaf = |parts: &[Tensor]| Var::from_tensor(&Tensor::cat(parts, 0)?);
        let leaves = |[first, second]: &[Vec<Tensor>; 2]| -> Result<[Var; 2]> {
            Ok([leaf(first)?, leaf(second)?])
        };
        let weights = if keep_weights { Some(leaves(&weights)?) } else { None };
        Ok(Self { shared: leaves(&shared)?, weights })
    }

    fn outputs(&self) -> Result<[AlignerOutput; 2]> {
        let side = |side: usize| -> Result<AlignerOutput> {
            let shared_bd = self.shared[side].as_tensor().clone();
            let weights_bc = match &self.weights {
                Some(weights) => weights[side].as_tensor().clone(),
                None => {
                    Tensor::zeros((shared_bd.dim(0)?, 0), shared_bd.dtype(), shared_bd.device())?
                }
            };
            Ok(AlignerOutput { weights_bc, shared_bd })
        };
        Ok([side(0)?, side(1)?])
    }

    /// A scalar whose gradient is the chunk's part of the whole loss's: Σ output·∂L/∂output.
    fn share(
        &self,
        outputs: &[AlignerOutput; 2],
        (start, length): (usize, usize),
        store: &candle_core::backprop::GradStore,
    ) -> Result<Tensor> {
        let mut terms = vec![];
        for (side, output) in outputs.iter().enumerate() {
            let weights = self.weights.as_ref().map(|weights| (&weights[side], &output.weights_bc));
            let shared = Some((&self.shared[side], &output.shared_bd));
            for (leaf, output) in [shared, weights].into_iter().flatten() {
                if let Some(gradient) = store.get(leaf) {
                    let gradient = gradient.detach().narrow(0, start, length)?;
                    terms.push((output * gradient)?.sum_all()?);
                }
            }
        }
        Tensor::stack(&terms, 0)?.sum_all()
    }
}
