//! The f32 values of CPU tensors as slices, without copies.

use candle_core::{CpuStorage, DType, Result, Shape, Storage, Tensor, bail};

/// Whether every tensor is f32 on the CPU, so that the fused kernels apply. Everything else takes
/// the plain candle path.
pub(super) fn on_fast_path(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|tensor| tensor.device().is_cpu() && tensor.dtype() == DType::F32)
}

/// Calls `read` with the values of contiguous f32 tensors on the CPU.
pub(super) fn with_values<const N: usize, T>(
    tensors: [&Tensor; N],
    read: impl FnOnce([&[f32]; N]) -> Result<T>,
) -> Result<T> {
    let storages = tensors.map(|tensor| tensor.storage_and_layout());
    let mut slices: [&[f32]; N] = [&[]; N];
    for ((slice, (storage, layout)), tensor) in slices.iter_mut().zip(&storages).zip(tensors) {
        *slice = match (&**storage, layout.contiguous_offsets()) {
            (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => &values[start..end],
            _ => bail!(
                "expected a contiguous f32 tensor on the CPU, found shape {:?}, type {:?}",
                tensor.shape(),
                tensor.dtype()
            ),
        };
    }
    read(slices)
}

/// A tensor that takes over `values`, of the shape and on the device of `like`.
pub(super) fn tensor_like(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), like.device())
}

/// Leading dimensions of a shape multiplied up, and the last one: the row view of a tensor.
pub(super) fn rows_and_width(op: &str, tensor: &Tensor) -> Result<(usize, usize)> {
    match tensor.dims() {
        [leading @ .., width] if *width > 0 => Ok((leading.iter().product(), *width)),
        dims => {
            bail!("`{op}` expects at least one dimension and a last one above 0, found {dims:?}")
        }
    }
}

/// Fails unless `tensor` has the shape `expected`; `name` names the operand in the message.
pub(super) fn expect_shape<S: Into<Shape>>(
    op: &str,
    name: &str,
    tensor: &Tensor,
    expected: S,
) -> Result<()> {
    let expected = expected.into();
    if tensor.shape() != &expected {
        bail!("`{op}` expects `{name}` of shape {expected:?}, found {:?}", tensor.shape());
    }
    Ok(())
}
