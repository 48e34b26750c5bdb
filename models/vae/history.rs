//! What the layers remember of the frames they have seen, so that a film can come in pieces.

use candle_core::{Result, Tensor};

/// A slot for each layer that looks back in time. The layers run in the same order for every
/// piece, and each takes the next slot.
#[derive(Debug, Default)]
pub(super) struct History {
    slots: Vec<Option<Tensor>>,
    next: usize,
}

impl History {
    /// Begins the next piece: the first layer is up.
    pub(super) fn rewind(&mut self) {
        self.next = 0;
    }

    /// The slot of the layer whose turn it is; empty before its first piece.
    pub(super) fn slot(&mut self) -> &mut Option<Tensor> {
        if self.next == self.slots.len() {
            self.slots.push(None);
        }
        self.next += 1;
        &mut self.slots[self.next - 1]
    }

    /// Layers that look back.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

/// The last `count` frames of `[B, T, C, H, W]`, in memory of their own: a view would keep all
/// frames alive.
pub(super) fn last_frames(film: &Tensor, count: usize) -> Result<Tensor> {
    film.narrow(1, film.dim(1)? - count, count)?.force_contiguous()
}
