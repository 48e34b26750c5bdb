//! Runs of tokens that go through the blocks alike.

use candle_core::{Result, Tensor};

use super::rotary::Rotary;
use crate::lora::Lora;

/// A run of tokens with one modulation, one set of neighbours and one set of adapters.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// Its rotations.
    pub(super) rotary: Rotary,
    /// What the timestep says.
    pub(super) timestep: Modulation,
    /// Which of the blocks' modulation tables it adds to that.
    pub(super) table: usize,
    /// The spans its queries see, ascending.
    pub(super) attends_to: Vec<usize>,
    /// Whether they see what is remembered, too.
    pub(super) sees_remembered: bool,
    /// Whether it attends to the text.
    pub(super) sees_text: bool,
    /// The adapters on its tokens.
    pub(super) lora: Option<Lora>,
}

/// Six rows `[B, 1 or L, D]`: shift, scale and gate of attention, then of the feed-forward.
#[derive(Clone, Debug)]
pub(super) struct Modulation(pub(super) [Tensor; 6]);

impl Modulation {
    /// Cuts `[.., 6, D]` into its rows.
    pub(super) fn rows(table: &Tensor) -> Result<Self> {
        let at = table.rank() - 2;
        let row = |index: usize| table.narrow(at, index, 1)?.squeeze(at);
        Ok(Self([row(0)?, row(1)?, row(2)?, row(3)?, row(4)?, row(5)?]))
    }

    /// The sum row by row; `self` may lack the batch.
    pub(super) fn plus(&self, other: &Self) -> Result<Self> {
        let sum = |index: usize| other.0[index].broadcast_add(&self.0[index]);
        Ok(Self([sum(0)?, sum(1)?, sum(2)?, sum(3)?, sum(4)?, sum(5)?]))
    }
}
