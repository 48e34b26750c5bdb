//! Writes weights as `torch.save` does: a zip of a pickle and raw storages.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use candle_core::Tensor;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The bytes of a `.pth` file with these tensors in f32.
pub(super) fn encode(weights: &BTreeMap<String, Tensor>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("archive/data.pkl", stored).unwrap();
    zip.write_all(&pickle(weights)).unwrap();
    for (at, tensor) in weights.values().enumerate() {
        zip.start_file(format!("archive/data/{at}"), stored).unwrap();
        let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Protocol 2: a dictionary of `torch._utils._rebuild_tensor_v2` calls.
fn pickle(weights: &BTreeMap<String, Tensor>) -> Vec<u8> {
    let mut out = b"\x80\x02}(".to_vec();
    for (at, (name, tensor)) in weights.iter().enumerate() {
        text(&mut out, name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
        out.push(b'(');
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &at.to_string());
        text(&mut out, "cpu");
        numbers(&mut out, &[tensor.elem_count()]);
        out.extend(b"tQ");
        numbers(&mut out, &[0]);
        out.push(b'(');
        numbers(&mut out, tensor.dims());
        out.extend(b"t(");
        numbers(&mut out, tensor.stride());
        out.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u.");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn numbers(out: &mut Vec<u8>, numbers: &[usize]) {
    for number in numbers {
        out.push(b'J');
        out.extend((*number as i32).to_le_bytes());
    }
}
