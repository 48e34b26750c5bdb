//! Numbers known before any pixel is: weights, shapes, scales.

use super::error::{Fault, Prepared};
use super::proto::TensorProto;

/// Most values of one activation or shape: 64 MiB. The largest of the published networks here
/// has a tenth.
const MOST_VALUES: usize = 1 << 24;

/// Values of either type, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// Floats of any width, as f32.
    Floats(Vec<f32>),
    /// Integers and truth values.
    Integers(Vec<i64>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

impl Array {
    /// Floats of a shape, as many as it has.
    pub(super) fn floats(dims: Vec<usize>, values: Vec<f32>) -> Prepared<Self> {
        Self::checked(dims, Values::Floats(values))
    }

    /// Integers of a shape, as many as it has.
    pub(super) fn integers(dims: Vec<usize>, values: Vec<i64>) -> Prepared<Self> {
        Self::checked(dims, Values::Integers(values))
    }

    /// A list of integers.
    pub(super) fn list(values: Vec<i64>) -> Self {
        Self { dims: vec![values.len()], values: Values::Integers(values) }
    }

    fn checked(dims: Vec<usize>, values: Values) -> Prepared<Self> {
        let array = Self { dims, values };
        let wanted = count(&array.dims)?;
        if wanted == array.len() {
            return Ok(array);
        }
        Fault::misfit(format!("{} values do not fill the shape {:?}", array.len(), array.dims))
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Floats(values) => values.len(),
            Values::Integers(values) => values.len(),
        }
    }

    /// Its floats.
    pub(super) fn as_floats(&self) -> Prepared<&[f32]> {
        match &self.values {
            Values::Floats(values) => Ok(values),
            Values::Integers(_) => Fault::unsupported("integers where floats belong"),
        }
    }

    /// Its integers.
    pub(super) fn as_integers(&self) -> Prepared<&[i64]> {
        match &self.values {
            Values::Integers(values) => Ok(values),
            Values::Floats(_) => Fault::unsupported("floats where integers belong"),
        }
    }

    /// A tensor of the file.
    pub(super) fn of(tensor: &TensorProto) -> Prepared<Self> {
        if tensor.data_location == 1 {
            return Fault::unsupported("its values lie in another file; save it as one");
        }
        let side = |&dim: &i64| {
            usize::try_from(dim).map_err(|_| Fault::Misfit(format!("a side of {dim}")))
        };
        let dims: Vec<usize> = tensor.dims.iter().map(side).collect::<Prepared<_>>()?;
        // TensorProto.DataType
        match tensor.data_type {
            1 => Self::floats(dims, floats(tensor, 4, &tensor.float_data, f32_of)?),
            10 => Self::floats(dims, halves(tensor)?),
            11 => {
                let doubles: Vec<f32> = tensor.double_data.iter().map(|&x| x as f32).collect();
                Self::floats(dims, floats(tensor, 8, &doubles, |b| f64_of(b) as f32)?)
            }
            7 => Self::integers(dims, floats(tensor, 8, &tensor.int64_data, i64_of)?),
            6 => Self::integers(dims, small(tensor, 4, |b| i64::from(i32_of(b)))?),
            9 | 2 => Self::integers(dims, small(tensor, 1, |b| i64::from(b[0]))?),
            3 => Self::integers(dims, small(tensor, 1, |b| i64::from(b[0].cast_signed()))?),
            other => Fault::unsupported(format!("a tensor of ONNX's data type {other}")),
        }
    }
}

/// Number of values of a shape, if it can be held.
pub(super) fn count(dims: &[usize]) -> Prepared<usize> {
    let product = dims.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
    match product {
        Some(count) if count <= MOST_VALUES => Ok(count),
        _ => Fault::unsupported(format!("a shape of {dims:?} is too large")),
    }
}

/// Raw bytes if there are any, or else the typed list.
fn floats<T: Clone>(
    tensor: &TensorProto,
    width: usize,
    listed: &[T],
    read: impl Fn(&[u8]) -> T,
) -> Prepared<Vec<T>> {
    if tensor.raw_data.is_empty() {
        return Ok(listed.to_vec());
    }
    if !tensor.raw_data.len().is_multiple_of(width) {
        return Fault::misfit(format!("{} bytes are no whole values", tensor.raw_data.len()));
    }
    Ok(tensor.raw_data.chunks_exact(width).map(read).collect())
}

fn small(tensor: &TensorProto, width: usize, read: impl Fn(&[u8]) -> i64) -> Prepared<Vec<i64>> {
    let listed: Vec<i64> = tensor.int32_data.iter().map(|&x| i64::from(x)).collect();
    floats(tensor, width, &listed, read)
}

fn halves(tensor: &TensorProto) -> Prepared<Vec<f32>> {
    let of_bits = |bits: u16| half::f16::from_bits(bits).to_f32();
    let listed: Vec<f32> = tensor.int32_data.iter().map(|&x| of_bits(x as u16)).collect();
    floats(tensor, 2, &listed, |b| of_bits(u16::from_le_bytes(bytes(b))))
}

fn f32_of(b: &[u8]) -> f32 {
    f32::from_le_bytes(bytes(b))
}

fn f64_of(b: &[u8]) -> f64 {
    f64::from_le_bytes(bytes(b))
}

fn i32_of(b: &[u8]) -> i32 {
    i32::from_le_bytes(bytes(b))
}

fn i64_of(b: &[u8]) -> i64 {
    i64::from_le_bytes(bytes(b))
}

fn bytes<const N: usize>(chunk: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| chunk[at])
}

#[cfg(test)]
mod tests {
    use super::{Array, Values};
    use crate::onnx::proto::TensorProto;

    #[test]
    fn values_are_read_raw_or_listed_and_counted() {
        let listed = TensorProto {
            dims: vec![2],
            data_type: 1,
            float_data: vec![1.5, -2.0],
            ..TensorProto::default()
        };
        let array = Array::of(&listed).unwrap();
        assert_eq!(array, Array { dims: vec![2], values: Values::Floats(vec![1.5, -2.0]) });
        let raw = vec![0, 0x3C, 0, 0xC0]; // 1 and −2 in half precision
        let half =
            TensorProto { data_type: 10, float_data: vec![], raw_data: raw.into(), ..listed };
        assert_eq!(Array::of(&half).unwrap().as_floats().unwrap(), [1.0, -2.0]);
        assert!(Array::of(&TensorProto { dims: vec![3], ..half.clone() }).is_err());
        assert!(Array::of(&TensorProto { dims: vec![-1], ..half.clone() }).is_err());
        let huge = TensorProto { dims: vec![i64::MAX, i64::MAX], ..half.clone() };
        assert!(Array::of(&huge).is_err());
        assert!(Array::of(&TensorProto { data_location: 1, ..half }).is_err());
    }
}
