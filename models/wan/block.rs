//! One transformer block: modulated attention, cross-attention, modulated feed-forward.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::attention::{Context, CrossAttention, KeysValues, Readable, SelfAttention};
use super::config::WanConfig;
use super::declare::{Declare, Init, Projection};
use super::span::{Modulation, Span};
use crate::error::ModelResult;
use crate::lora::Lora;
use crate::ops;

/// A block of the base or of the VACE branch. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Block(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    name: String,
    tables: Vec<Table>,
    self_attn: SelfAttention,
    norm3: (Tensor, Tensor),
    cross_attn: CrossAttention,
    expand: Projection,
    contract: Projection,
    eps: f32,
    /// All its trained parameters.
    trained: Vec<Tensor>,
}

/// A block's own part of the modulation, `[1, 6, D]`.
#[derive(Debug)]
struct Table {
    values: Tensor,
    ffn_reuses_attention: bool,
}

/// Where a block stands, which decides what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// In the base: all the configuration asks for.
    Base,
    /// In the VACE branch: no image branch and no named modulation.
    Vace,
}

/// Called with the name and value of intermediate results: `blocks.0.self_attn` for the span of the
/// video, `blocks.0.span1.self_attn` for the next.
pub type Observer<'a> = &'a dyn Fn(&str, &Tensor);

/// The tokens and all they are worked on with.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// One `[B, L, D]` a span.
    pub(super) xs: Vec<Tensor>,
    /// The spans.
    pub(super) spans: Vec<Span>,
    /// Text and image.
    pub(super) context: Context,
    /// What is remembered of other segments, for this block.
    pub(super) remembered: Vec<KeysValues>,
    /// What the first span's cross-attention reads in this block, where it is remembered.
    pub(super) readable: Option<Readable>,
}

impl Block {
    /// Declares the block called `name`.
    pub(super) fn new(
        config: &WanConfig,
        declare: &mut Declare,
        name: &str,
        branch: Branch,
    ) -> ModelResult<Self> {
        let d = config.dim;
        let named = if branch == Branch::Base { config.modulations.as_slice() } else { &[] };
        let with_image = branch == Branch::Base && config.image.is_some();
        let mut declare = declare.at(name);
        let earlier = declare.declared();
        let std = 1.0 / (d as f32).sqrt();
        let values = declare.table("modulation", &[1, 6, d], std)?;
        let mut tables = vec![Table { values, ffn_reuses_attention: false }];
        for set in named {
            let values = declare.table(&format!("modulation_{}", set.name), &[1, 6, d], std)?;
            tables.push(Table { values, ffn_reuses_attention: set.ffn_reuses_attention });
        }
        let self_attn = SelfAttention::new(config, &mut declare.at("self_attn"))?;
        let norm3 = (declare.norm_weight("norm3", d)?, declare.norm_bias("norm3", d)?);
        let cross_attn = CrossAttention::new(config, &mut declare.at("cross_attn"), with_image)?;
        let expand = declare.projection("ffn.0", (d, config.ffn_dim), Init::Xavier)?;
        let contract = declare.projection("ffn.2", (config.ffn_dim, d), Init::Xavier)?;
        let (name, eps, trained) = (name.to_owned(), config.eps, declare.trained_since(earlier));
        let parts =
            Parts { name, tables, self_attn, norm3, cross_attn, expand, contract, eps, trained };
        Ok(Self(Arc::new(parts)))
    }

    /// The tokens after the block (METHOD §1.3).
    pub(super) fn forward(&self, state: &State, observe: Option<Observer>) -> Result<Vec<Tensor>> {
        let (State { xs, spans, remembered, .. }, parts) = (state, &*self.0);
        let show = |span: usize, part: &str, value: &Tensor| {
            if let Some(observe) = observe {
                observe(&format!("{}.{part}", span_name(&parts.name, span)), value);
            }
        };
        let modulations: Vec<Modulation> =
            spans.iter().map(|span| parts.modulation(span)).collect::<Result<_>>()?;
        let hidden: Vec<Tensor> = xs
            .iter()
            .zip(&modulations)
            .map(|(x, Modulation([shift, scale, ..]))| {
                ops::modulated_norm(x, scale, shift, parts.eps)
            })
            .collect::<Result<_>>()?;
        let attended = parts.self_attn.forward(&hidden, (spans, remembered), &show)?;
        (0..xs.len())
            .map(|at| {
                show(at, "self_attn", &attended[at]);
                let Modulation([_, _, gate, ..]) = &modulations[at];
                let mut x = ops::gated_add(&xs[at], &attended[at], gate)?;
                if spans[at].sees_text {
                    let read = parts.read((&x, at), state)?;
                    show(at, "cross_attn", &read);
                    x = ops::add(&x, &read)?;
                }
                parts.feed_forward(&x, &modulations[at], &spans[at])
            })
            .collect()
    }

    /// As [`Block::forward`], but keeping only the tokens before and after the block for the
    /// backward pass, which runs the block again.
    pub(super) fn forward_recomputed(&self, state: &State) -> Result<Vec<Tensor>> {
        let mut trained = self.0.trained.clone();
        for lora in state.spans.iter().filter_map(|span| span.lora.as_ref()) {
            for tensor in lora.trained_under(&format!("{}.", self.0.name)) {
                if trained.iter().all(|known| known.id() != tensor.id()) {
                    trained.push(tensor.clone());
                }
            }
        }
        let (inputs, blank) = (state.tensors()?, state.detached());
        let block = self.clone();
        let y = ops::recomputed(&inputs, &trained, move |inputs| {
            joined(&block.forward(&blank.with(inputs)?, None)?)
        })?;
        state.split(&y)
    }

    /// The keys and values of the first span's tokens as they enter the block.
    pub(super) fn keys_values(&self, state: &State) -> Result<KeysValues> {
        let (Some(x), Some(span)) = (state.xs.first(), state.spans.first()) else {
            candle_core::bail!("no tokens to take keys and values of")
        };
        let Modulation([shift, scale, ..]) = self.0.modulation(span)?;
        let hidden = ops::modulated_norm(x, &scale, &shift, self.0.eps)?;
        self.0.self_attn.keys_values(&hidden, span)
    }

    /// Keys and values of what its cross-attention reads.
    pub(super) fn readable(&self, context: &Context, lora: Option<&Lora>) -> Result<Readable> {
        self.0.cross_attn.readable(context, lora)
    }

    /// Where its parameters begin in the tree of names.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }
}

impl Parts {
    fn modulation(&self, span: &Span) -> Result<Modulation> {
        let Some(table) = self.tables.get(span.table) else {
            candle_core::bail!("block `{}` has no modulation {}", self.name, span.table)
        };
        let rows = Modulation::rows(&table.values)?.plus(&span.timestep)?;
        if !table.ffn_reuses_attention {
            return Ok(rows);
        }
        let [shift, scale, gate, _, _, ffn_gate] = rows.0;
        Ok(Modulation([shift.clone(), scale.clone(), gate, shift, scale, ffn_gate]))
    }

    /// What span `at` reads of text and image.
    fn read(&self, (x, at): (&Tensor, usize), state: &State) -> Result<Tensor> {
        let (weight, bias) = &self.norm3;
        let hidden = ops::layer_norm(x, weight, bias, self.eps)?;
        let lora = state.spans[at].lora.as_ref();
        match &state.readable {
            // Others may have adapters of their own on these keys.
            Some(readable) if at == 0 => self.cross_attn.forward(&hidden, readable, lora),
            _ => {
                let readable = self.cross_attn.readable(&state.context, lora)?;
                self.cross_attn.forward(&hidden, &readable, lora)
            }
        }
    }

    fn feed_forward(&self, x: &Tensor, modulation: &Modulation, span: &Span) -> Result<Tensor> {
        let Modulation([_, _, _, shift, scale, gate]) = modulation;
        let hidden = ops::modulated_norm(x, scale, shift, self.eps)?;
        let hidden = self.expand.forward(&hidden, span.lora.as_ref())?;
        ops::gated_add(x, &self.contract.forward_gelu(&hidden, span.lora.as_ref())?, gate)
    }
}

impl State {
    /// The tokens of the first span, seeing themselves only.
    pub(super) fn first_span_alone(&self) -> Self {
        let mut alone = self.clone();
        alone.xs.truncate(1);
        alone.spans.truncate(1);
        for span in &mut alone.spans {
            span.attends_to = vec![0];
            span.sees_remembered = false;
        }
        alone.readable = None;
        alone
    }

    /// All tensors that may have a gradient; the tokens of all spans come first, as one.
    fn tensors(&self) -> Result<Vec<Tensor>> {
        let mut tensors = vec![joined(&self.xs)?];
        tensors.extend(self.spans.iter().flat_map(|span| span.timestep.0.iter().cloned()));
        tensors.push(self.context.text.clone());
        tensors.extend(self.context.image.clone());
        Ok(tensors)
    }

    /// The state with other tensors in the places of [`State::tensors`].
    fn with(&self, tensors: &[Tensor]) -> Result<Self> {
        let mut state = self.clone();
        state.xs = self.split(&tensors[0])?;
        let mut rest = tensors[1..].iter();
        let places = state.spans.iter_mut().flat_map(|span| span.timestep.0.iter_mut());
        let places = places.chain([&mut state.context.text]).chain(&mut state.context.image);
        for (place, tensor) in places.zip(&mut rest) {
            *place = tensor.clone();
        }
        Ok(state)
    }

    /// The state without any graph.
    fn detached(&self) -> Self {
        let mut state = self.clone();
        let rows = state.spans.iter_mut().flat_map(|span| span.timestep.0.iter_mut());
        let places = state.xs.iter_mut().chain(rows).chain([&mut state.context.text]);
        for place in places.chain(&mut state.context.image) {
            *place = place.detach();
        }
        state
    }

    /// Cuts the tokens of all spans apart.
    fn split(&self, joined: &Tensor) -> Result<Vec<Tensor>> {
        if self.xs.len() == 1 {
            return Ok(vec![joined.clone()]);
        }
        let mut start = 0;
        let cut = |x: &Tensor| {
            let tokens = x.dim(1)?;
            start += tokens;
            joined.narrow(1, start - tokens, tokens)
        };
        self.xs.iter().map(cut).collect()
    }
}

/// The tokens of all spans, one after the other.
fn joined(xs: &[Tensor]) -> Result<Tensor> {
    match xs {
        [one] => Ok(one.clone()),
        xs => Tensor::cat(xs, 1),
    }
}

/// What a block's results for one span are shown as.
pub(super) fn span_name(block: &str, span: usize) -> String {
    if span == 0 { block.to_owned() } else { format!("{block}.span{span}") }
}
