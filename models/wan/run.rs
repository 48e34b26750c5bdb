//! How a forward pass is run: who watches, and whether blocks are run again for their gradients.

use candle_core::{Result, Tensor};

use super::block::{Block, Observer, State, span_name};

/// The manner of one forward pass.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) observer: Option<Observer<'a>>,
    pub(super) recompute: bool,
}

impl Run<'_> {
    /// Shows an intermediate result to the observer.
    pub(super) fn show(self, name: &str, value: &Tensor) {
        if let Some(observe) = self.observer {
            observe(name, value);
        }
    }

    /// Runs one block and shows its tokens.
    pub(super) fn block(self, block: &Block, state: &State) -> Result<Vec<Tensor>> {
        let xs = if self.recompute {
            block.forward_recomputed(state)?
        } else {
            block.forward(state, self.observer)?
        };
        if self.observer.is_some() {
            for (span, x) in xs.iter().enumerate() {
                self.show(&span_name(block.name(), span), x);
            }
        }
        Ok(xs)
    }
}
