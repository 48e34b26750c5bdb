//! The table of contents of a safetensors file.

use candle_core::DType;
use safetensors::tensor::Metadata;

use super::bytes::Bytes;
use super::place::{Place, Places};
use super::{WeightError, WeightResult};

/// Bytes of the number that begins the file: the length of the header.
const PREFIX: u64 = 8;

/// Longest header the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// The tensors of an open file. Only the header is read; that it covers the file to the last byte
/// is checked.
pub(super) fn places(bytes: &mut Bytes) -> WeightResult<Places> {
    let damaged = |bytes: &Bytes, reason: String| WeightError::Damaged {
        path: bytes.path().to_owned(),
        reason,
    };
    let prefix = bytes.read(0, PREFIX)?;
    let header = prefix.iter().rev().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    if header > LONGEST_HEADER {
        return Err(damaged(bytes, format!("its header claims {header} bytes")));
    }
    let text = bytes.read(PREFIX, header)?;
    let table: Metadata =
        serde_json::from_slice(&text).map_err(|error| damaged(bytes, error.to_string()))?;
    let start = PREFIX + header;
    let mut places = vec![];
    for name in table.offset_keys() {
        let Some(info) = table.info(&name) else { continue };
        let dtype = DType::try_from(info.dtype).map_err(|_| WeightError::Unsupported {
            path: bytes.path().to_owned(),
            key: name.clone(),
            reason: format!("has values of type {}; convert the file to BF16", info.dtype),
        })?;
        let (from, to) = info.data_offsets;
        let place = Place { offset: start + from as u64, dtype, shape: info.shape.clone() };
        if place.bytes() != to.checked_sub(from).map(|bytes| bytes as u64) {
            let shape = &info.shape;
            let reason = format!("`{name}` of shape {shape:?} lies in bytes {from} to {to}");
            return Err(damaged(bytes, reason));
        }
        places.push((name, place));
    }
    let end = places.iter().filter_map(|(_, place)| place.end()).max().unwrap_or(start);
    if end > bytes.length() {
        let (path, found) = (bytes.path().to_owned(), bytes.length());
        return Err(WeightError::Truncated { path, expected: end, found });
    }
    if end < bytes.length() {
        return Err(damaged(
            bytes,
            format!("{} bytes at its end belong to no tensor", bytes.length() - end),
        ));
    }
    places.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(places)
}
