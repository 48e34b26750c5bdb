//! Loads a set of files into the parameters of a network.

use super::{KeyReport, WeightError, WeightFiles, WeightResult};
use crate::params::Params;

/// Overwrites every parameter with the tensor of its name, reading one tensor at a time. Tensors
/// whose names begin with one of `leave` may be in the file without a place in the network (a VACE
/// checkpoint read into the plain transformer: `vace_`).
///
/// # Errors
/// [`WeightError::Keys`] with the full account when names or shapes differ, and then nothing is
/// changed; when a tensor cannot be read or is not finite, which the parameters before it survive
/// changed.
pub fn load_into(params: &Params, files: &WeightFiles, leave: &[&str]) -> WeightResult<()> {
    let network = params.iter().map(|param| (param.name(), param.var().dims()));
    let left = |name: &str| leave.iter().any(|prefix| name.starts_with(prefix));
    let found = files.shapes().filter(|(name, _)| params.get(name).is_some() || !left(name));
    let report = KeyReport::compare(network, found);
    if !report.fits() {
        let path = files.path().to_owned();
        return Err(WeightError::Keys { path, report: Box::new(report) });
    }
    for param in params.iter() {
        if let Some(value) = files.tensor(param.name(), param.var().dtype(), params.device())? {
            param.var().set(&value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use candle_core::{DType, Device, Tensor};

    use super::load_into;
    use crate::checkpoint;
    use crate::params::{Group, Params};
    use crate::weights::{Family, WeightError, WeightFiles};

    type Map = BTreeMap<String, Tensor>;

    fn map(names: &[&str], dtype: DType) -> Map {
        let value = |at: usize| {
            let values = [at as f32, -1.5, 2.0, 0.25, 3.0, at as f32 / 4.0];
            Tensor::from_slice(&values, (2, 3), &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
        };
        names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), value(at))).collect()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }

        fn put_map(&self, name: &str, map: &Map) -> PathBuf {
            self.put(name, &checkpoint::encode(map).unwrap())
        }
    }

    fn network(names: &[&str]) -> Params {
        let mut params = Params::new(&Device::Cpu);
        let zeros = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
        for name in names {
            params.add(name, &zeros, Group::Decay).unwrap();
        }
        params
    }

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn message(path: &std::path::Path) -> String {
        let error = WeightFiles::open(path).and_then(|files| {
            for (name, _) in files.shapes() {
                files.tensor(name, DType::F32, &Device::Cpu)?;
            }
            Ok(())
        });
        error.unwrap_err().to_string()
    }

    const NAMES: [&str; 2] = ["blocks.0.ffn.0.weight", "blocks.0.self_attn.q.weight"];

    #[test]
    fn every_number_type_arrives_as_f32() {
        let folder = Folder::new();
        for dtype in [DType::F32, DType::F16, DType::BF16, DType::F64] {
            let weights = map(&NAMES, dtype);
            let path = folder.put_map("model.safetensors", &weights);
            let params = network(&NAMES);
            load_into(&params, &WeightFiles::open(&path).unwrap(), &[]).unwrap();
            for param in params.iter() {
                let expected = weights[param.name()].to_dtype(DType::F32).unwrap();
                assert_eq!(numbers(param.var()), numbers(&expected));
            }
        }
    }

    #[test]
    fn shards_load_as_one() {
        let folder = Folder::new();
        for (at, name) in NAMES.iter().enumerate() {
            folder.put_map(
                &format!("m-0000{}-of-00002.safetensors", at + 1),
                &map(&[name], DType::F32),
            );
        }
        let params = network(&NAMES);
        load_into(&params, &WeightFiles::open(folder.0.path()).unwrap(), &[]).unwrap();
        folder.put_map("m-00002-of-00002.safetensors", &map(&NAMES, DType::F32));
        assert!(message(folder.0.path()).contains("keep one set of shards"));
    }

    #[test]
    fn diffusers_names_load_through_the_map() {
        let folder = Folder::new();
        let names = ["blocks.0.ffn.net.0.proj.weight", "blocks.0.attn1.to_q.weight"];
        let path = folder.put_map("d.safetensors", &map(&names, DType::F32));
        let files = WeightFiles::open(&path).unwrap().in_original_names(Family::Wan).unwrap();
        load_into(&network(&NAMES), &files, &[]).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_reported_and_changes_nothing() {
        let folder = Folder::new();
        let path =
            folder.put_map("m.safetensors", &map(&["vace_blocks.0.x", NAMES[0]], DType::F32));
        let files = WeightFiles::open(&path).unwrap();
        let params = network(&NAMES);
        let error = load_into(&params, &files, &[]).unwrap_err();
        let WeightError::Keys { report, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (&report.missing[0], &report.unexpected[0]),
            (&NAMES[1].to_owned(), &"vace_blocks.0.x".to_owned())
        );
        assert!(params.iter().all(|param| numbers(param.var()) == [0.0; 6]));
        load_into(&network(&NAMES[..1]), &files, &["vace_"]).unwrap();
    }

    #[test]
    fn values_that_are_not_finite_are_named() {
        let folder = Folder::new();
        let mut weights = map(&NAMES, DType::F32);
        let spoilt = Tensor::new(&[1f32, f32::INFINITY, f32::NAN], &Device::Cpu).unwrap();
        weights.insert("bad".into(), spoilt.to_dtype(DType::BF16).unwrap());
        let text = message(&folder.put_map("m.safetensors", &weights));
        assert!(text.starts_with("tensor `bad` in `"), "{text}");
        assert!(text.contains("has 2 values that are not finite, the first at 1"), "{text}");
    }

    #[test]
    fn truncated_safetensors_are_errors_at_every_length() {
        let folder = Folder::new();
        let bytes = checkpoint::encode(&map(&NAMES, DType::F32)).unwrap();
        for length in 0..bytes.len() {
            let text = message(&folder.put("m.safetensors", &bytes[..length]));
            let told = ["holds no tensors", "is cut short", "is no file of weights", "is damaged"];
            assert!(told.iter().any(|what| text.contains(what)), "{length}: {text}");
        }
        let longer = [bytes.as_slice(), &[0; 3]].concat();
        assert!(message(&folder.put("m.safetensors", &longer)).contains("3 bytes at its end"));
    }

    #[test]
    fn other_files_are_told_by_what_they_are() {
        let folder = Folder::new();
        let cases: [(&[u8], &str); 5] = [
            (b"", "holds no tensors"),
            (b"<!DOCTYPE html><html>", "a web page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
            (b"\x80\x02}q\x00.", "PyTorch's format before 1.6"),
            (b"just some text that is long enough", "neither safetensors nor an archive"),
        ];
        for (bytes, expected) in cases {
            let text = message(&folder.put("m.safetensors", bytes));
            assert!(text.contains(expected), "{text}");
        }
        let text = message(&folder.0.path().join("absent.safetensors"));
        assert!(text.starts_with("cannot read `"), "{text}");
    }

    #[test]
    fn a_torch_file_holds_what_torch_put_in() {
        // Written by torch 2.15: `torch.save(OrderedDict(...))`; see the values.
        let folder = Folder::new();
        let path = folder.put("m.pth", include_bytes!("testdata/plain.pth"));
        let files = WeightFiles::open(&path).unwrap();
        let read =
            |name: &str| numbers(&files.tensor(name, DType::F32, &Device::Cpu).unwrap().unwrap());
        assert_eq!(read("w"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(read("half"), [0.5, -2.0]);
        assert_eq!(read("bf16"), [1.5, 3.0, -1.0]);
        assert_eq!(read("window"), [4.0, 5.0]); // a view into the storage of `w`
        assert_eq!(read("parameter"), [7.0]);
        let shapes: BTreeMap<&str, &[usize]> = files.shapes().collect();
        assert_eq!(shapes["w"], [2, 3]);
    }

    #[test]
    fn truncated_and_malicious_torch_files_are_typed_errors() {
        let folder = Folder::new();
        let bytes = include_bytes!("testdata/plain.pth");
        for length in (2..bytes.len()).step_by(97) {
            let text = message(&folder.put("m.pth", &bytes[..length]));
            assert!(text.contains("is damaged: its archive"), "{length}: {text}");
        }
        let path = folder.put("m.pth", include_bytes!("testdata/malicious.pth"));
        let error = WeightFiles::open(&path).unwrap_err();
        let WeightError::Code { name, .. } = &error else { panic!("{error}") };
        assert_eq!(name, "posix.system");
        let path = folder.put("m.pth", include_bytes!("testdata/transposed.pth"));
        assert!(message(&path).contains("is not stored row by row"));
    }
}
