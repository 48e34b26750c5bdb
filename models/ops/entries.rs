//! Which tensors are values of our own operations, and the inboxes of their gradients.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use candle_core::{Shape, Tensor, TensorId};

use super::inbox::Inbox;

/// What a reader needs to be linked to the operation that made a value, past candle's store of
/// gradients.
pub(super) struct Entry {
    /// Stands for the operation on candle's graph: one value, whose only use is the order of the
    /// backward pass.
    pub(super) token: Tensor,
    /// Where the gradient of the value goes.
    pub(super) inbox: Arc<Inbox>,
    /// The tensors that show this value.
    shown_as: Mutex<Vec<TensorId>>,
}

type Table = HashMap<TensorId, Weak<Entry>>;

static ENTRIES: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn entries() -> MutexGuard<'static, Table> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    pub(super) fn new(token: Tensor, inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self { token, inbox, shown_as: Mutex::default() })
    }

    /// The entry whose value `tensor` shows, if it is one of ours.
    pub(super) fn of(tensor: &Tensor) -> Option<Arc<Self>> {
        entries().get(&tensor.id())?.upgrade()
    }

    /// Lets [`Entry::of`] find the entry under `tensor`, which must keep the entry alive.
    pub(super) fn show_as(self: &Arc<Self>, tensor: &Tensor) {
        self.shown_as.lock().unwrap_or_else(PoisonError::into_inner).push(tensor.id());
        entries().insert(tensor.id(), Arc::downgrade(self));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shown_as = self.shown_as.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut entries = entries();
        for id in shown_as.iter() {
            entries.remove(id);
        }
    }
}

/// The same values in another shape, as `Tensor::reshape`, but without the passes over memory that
/// candle's backward pass spends on it.
///
/// # Shapes
/// Any, of as many values.
///
/// # Errors
/// When the number of values differs.
pub fn reshape<S: Into<Shape>>(x: &Tensor, shape: S) -> candle_core::Result<Tensor> {
    let y = x.reshape(shape.into())?;
    if x.is_contiguous()
        && let Some(entry) = Entry::of(x)
    {
        entry.show_as(&y);
    }
    Ok(y)
}
