//! The table of contents of a PyTorch file: a zip of a pickle and raw storages.

use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::bytes::Bytes;
use super::pickle::{Described, Fault, described};
use super::place::{Place, Places};
use super::{WeightError, WeightResult};

/// Largest pickle that is read: the one of a 14 B transformer has under 1 MB.
const LARGEST_PICKLE: u64 = 64 << 20;

/// The tensors of an open file. Storages are not read.
pub(super) fn places(bytes: &mut Bytes) -> WeightResult<Places> {
    let path = bytes.path().to_owned();
    let damaged = |reason: String| WeightError::Damaged { path: path.clone(), reason };
    let mut archive = ZipArchive::new(BufReader::new(bytes.file()))
        .map_err(|error| damaged(format!("its archive cannot be read ({error})")))?;
    let folder = folder(&archive).ok_or_else(|| WeightError::NotWeights {
        path: path.clone(),
        reason: "an archive without the `data.pkl` that PyTorch writes".into(),
    })?;
    let pickle = pickle(&mut archive, &folder).map_err(&damaged)?;
    let tensors = described(&pickle).map_err(|fault| match fault {
        Fault::Code(name) => WeightError::Code { path: path.clone(), name },
        Fault::Damaged(reason) => damaged(reason),
        Fault::Unsupported(key, reason) => {
            WeightError::Unsupported { path: path.clone(), key, reason }
        }
    })?;
    let mut places = vec![];
    for (name, tensor) in tensors {
        if !lies_row_by_row(&tensor) {
            let reason = "is not stored row by row; save it again with `.contiguous()`".into();
            return Err(WeightError::Unsupported { path: path.clone(), key: name, reason });
        }
        let place = place(&mut archive, &folder, &tensor)
            .map_err(|reason| damaged(format!("`{name}`: {reason}")))?;
        places.push((name, place));
    }
    places.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(places)
}

/// The folder, with its slash, that holds everything.
fn folder<R: Read + Seek>(archive: &ZipArchive<R>) -> Option<String> {
    let names = archive.file_names().filter_map(Result::ok);
    let mut folders = names.filter_map(|name| Some(name.strip_suffix("data.pkl")?.to_owned()));
    folders.find(|folder| folder.is_empty() || folder.ends_with('/'))
}

fn pickle<R: Read + Seek>(archive: &mut ZipArchive<R>, folder: &str) -> Result<Vec<u8>, String> {
    let named = |error: ZipError| format!("its pickle cannot be read ({error})");
    let entry = archive.by_name(&format!("{folder}data.pkl")).map_err(named)?;
    if entry.size() > LARGEST_PICKLE {
        return Err(format!("its pickle has {} bytes, which no weights need", entry.size()));
    }
    let mut pickle = vec![];
    entry.take(LARGEST_PICKLE).read_to_end(&mut pickle).map_err(|error| error.to_string())?;
    Ok(pickle)
}

/// Whether neighbours along the last dimension are neighbours in the file, and so on outwards.
fn lies_row_by_row(tensor: &Described) -> bool {
    let mut expected = 1usize;
    tensor.shape.len() == tensor.strides.len()
        && tensor.shape.iter().zip(&tensor.strides).rev().all(|(&side, &stride)| {
            let fits = side <= 1 || stride == expected;
            expected = expected.saturating_mul(side);
            fits
        })
}

/// Where the values lie in the file itself: PyTorch never compresses storages.
fn place<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    folder: &str,
    tensor: &Described,
) -> Result<Place, String> {
    let name = format!("{folder}data/{}", tensor.storage);
    let entry = archive.by_name(&name).map_err(|error| format!("no storage `{name}` ({error})"))?;
    if entry.compression() != zip::CompressionMethod::Stored {
        return Err(format!("storage `{name}` is compressed"));
    }
    let start = entry.data_start().ok_or_else(|| format!("storage `{name}` has no place"))?;
    let from = (tensor.offset as u64).checked_mul(tensor.dtype.size_in_bytes() as u64);
    let place = from.and_then(|from| start.checked_add(from)).map(|offset| Place {
        offset,
        dtype: tensor.dtype,
        shape: tensor.shape.clone(),
    });
    let within = |place: &Place| place.end().is_some_and(|end| end <= start + entry.size());
    place.filter(within).ok_or_else(|| format!("it lies outside its storage `{name}`"))
}
