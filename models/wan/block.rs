//! One transformer block: modulated attention, cross-attention, modulated feed-forward.

use candle_core::{Result, Tensor};

use super::attention::{Context, CrossAttention, SelfAttention};
use super::config::WanConfig;
use super::declare::{Declare, Init, Projection};
use super::span::{Modulation, Span};
use crate::error::ModelResult;
use crate::ops;

/// A block of the base or of the VACE branch.
#[derive(Clone, Debug)]
pub(super) struct Block {
    name: String,
    modulation: Tensor,
    self_attn: SelfAttention,
    norm3: (Tensor, Tensor),
    cross_attn: CrossAttention,
    expand: Projection,
    contract: Projection,
    eps: f32,
}

/// Called with the name and value of intermediate results.
pub type Observer<'a> = &'a dyn Fn(&str, &Tensor);

impl Block {
    /// Declares the block called `name`.
    pub(super) fn new(
        config: &WanConfig,
        declare: &mut Declare,
        name: &str,
        with_image: bool,
    ) -> ModelResult<Self> {
        let d = config.dim;
        let mut declare = declare.at(name);
        let modulation = declare.table("modulation", &[1, 6, d], 1.0 / (d as f32).sqrt())?;
        let self_attn = SelfAttention::new(config, &mut declare.at("self_attn"))?;
        let norm3 = (declare.norm_weight("norm3", d)?, declare.norm_bias("norm3", d)?);
        let cross_attn = CrossAttention::new(config, &mut declare.at("cross_attn"), with_image)?;
        let expand = declare.projection("ffn.0", (d, config.ffn_dim), Init::Xavier)?;
        let contract = declare.projection("ffn.2", (config.ffn_dim, d), Init::Xavier)?;
        let (name, eps) = (name.to_owned(), config.eps);
        Ok(Self { name, modulation, self_attn, norm3, cross_attn, expand, contract, eps })
    }

    /// The spans after the block (METHOD §1.3).
    ///
    /// # Shapes
    /// - xs: one `[B, L, D]` a span
    /// - output: the same
    pub(super) fn forward(
        &self,
        xs: &[Tensor],
        spans: &[Span],
        context: &Context,
        observe: Option<Observer>,
    ) -> Result<Vec<Tensor>> {
        let own = Modulation::rows(&self.modulation)?;
        let modulations: Vec<Modulation> =
            spans.iter().map(|span| own.plus(&span.timestep)).collect::<Result<_>>()?;
        let hidden: Vec<Tensor> = xs
            .iter()
            .zip(&modulations)
            .map(|(x, Modulation([shift, scale, ..]))| {
                ops::modulated_norm(x, scale, shift, self.eps)
            })
            .collect::<Result<_>>()?;
        let attended = self.self_attn.forward(&hidden, spans)?;
        self.show(observe, "self_attn", &attended[0]);
        let parts = xs.iter().zip(&attended).zip(&modulations).zip(spans);
        parts
            .map(|(((x, attended), Modulation([_, _, gate, shift, scale, ffn_gate])), span)| {
                let x = ops::gated_add(x, attended, gate)?;
                let x = if span.sees_text { self.read(&x, context, observe)? } else { x };
                let hidden =
                    self.expand.forward(&ops::modulated_norm(&x, scale, shift, self.eps)?)?;
                ops::gated_add(&x, &self.contract.forward(&ops::gelu(&hidden)?)?, ffn_gate)
            })
            .collect()
    }

    fn read(&self, x: &Tensor, context: &Context, observe: Option<Observer>) -> Result<Tensor> {
        let (weight, bias) = &self.norm3;
        let y = self.cross_attn.forward(&ops::layer_norm(x, weight, bias, self.eps)?, context)?;
        self.show(observe, "cross_attn", &y);
        x + y
    }

    fn show(&self, observe: Option<Observer>, part: &str, value: &Tensor) {
        if let Some(observe) = observe {
            observe(&format!("{}.{part}", self.name), value);
        }
    }
}
