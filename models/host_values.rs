//! The f32 values of a CPU tensor as a slice, without a copy.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, bail};

/// Calls `read` with the values of a contiguous f32 tensor on the CPU.
pub(crate) fn with_values<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => {
            Ok(read(&values[start..end]))
        }
        _ => bail!("expected a contiguous f32 tensor on the CPU, found {tensor:?}"),
    }
}

/// Calls `write` with the values of a contiguous f32 tensor on the CPU, to be changed in place.
/// Other tensors that share the storage see the change. `write` must not touch the same tensor.
pub(crate) fn with_values_mut(
    tensor: &Tensor,
    write: impl FnOnce(&mut [f32]) -> Result<()>,
) -> Result<()> {
    tensor.inplace_op1(&Access(RefCell::new(Some(write))))
}

/// candle hands out mutable storage to in-place ops only, and takes those by shared reference.
struct Access<F>(RefCell<Option<F>>);

impl<F: FnOnce(&mut [f32]) -> Result<()>> InplaceOp1 for Access<F> {
    fn name(&self) -> &'static str {
        "values-mut"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(values), Some((start, end)), Some(write)) =
            (storage, layout.contiguous_offsets(), self.0.take())
        else {
            bail!("expected a contiguous f32 tensor on the CPU, found layout {layout:?}");
        };
        write(&mut values[start..end])
    }
}
