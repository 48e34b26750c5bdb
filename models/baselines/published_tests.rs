//! The methods' public checkpoints: small files under their published names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{Device, Tensor};

use super::test_scene::{base, built};
use super::{ConcatIdStage, Mechanism, concat_id, magref, phantom, skyreels_a2, stand_in, vace};
use crate::checkpoint;
use crate::params::{Param, Params};
use crate::wan::diffusers_from_original;
use crate::weights::{load_published, load_published_adapters};

/// A folder that is deleted when it is dropped, and a file in it.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

/// How a parameter is called in a file, if it is in it.
type Naming<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A file with the parameters of a set under other names, each filled with its place.
fn file(params: &Params, name: Naming) -> File {
    let values = params.iter().enumerate().filter_map(|(at, param)| {
        let value = Tensor::full(at as f32, param.var().shape(), &Device::Cpu).unwrap();
        Some((name(param.name())?, value))
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let values: BTreeMap<String, Tensor> = values.collect();
    std::fs::write(&path, checkpoint::encode(&values).unwrap()).unwrap();
    File { _folder: folder, path }
}

fn first(param: &Param) -> f32 {
    param.var().flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
}

#[test]
fn transformers_load_under_their_published_names() {
    let own = |name: &str| Some(name.to_owned());
    let diffusers = |name: &str| diffusers_from_original(name);
    let module = |name: &str| Some(format!("module.{name}"));
    let cases: [(Mechanism, Naming); 7] = [
        (phantom(), &own),
        (phantom(), &module),
        (vace(), &own),
        (concat_id(ConcatIdStage::First), &own),
        (concat_id(ConcatIdStage::AdaLn), &module),
        (magref(5), &own),
        (skyreels_a2(5), &diffusers),
    ];
    for (mechanism, naming) in cases {
        let (_, network, _) = built(&mechanism, &base());
        let published = file(&network, naming);
        load_published(&network, &published.path).unwrap();
        let places = network.iter().enumerate().all(|(at, param)| first(param) == at as f32);
        assert!(places, "{}", mechanism.name);
    }
}

#[test]
fn a_first_stage_file_lacks_what_the_second_added() {
    let (_, first, _) = built(&concat_id(ConcatIdStage::First), &base());
    let published = file(&first, &|name| Some(name.to_owned()));
    let (_, second, _) = built(&concat_id(ConcatIdStage::AdaLn), &base());
    let error = load_published(&second, &published.path).unwrap_err().to_string();
    let blocks = base().blocks;
    assert!(error.contains(&format!("{} missing, 0 unexpected", blocks + 2)), "{error}");
    assert!(error.contains("time_projection_ref.1.weight"), "{error}");
}

#[test]
fn stand_ins_adapters_load_strictly() {
    let stand_in_name = |name: &str| {
        let bare = name.strip_prefix("reference.")?;
        let name = bare.replace(".lora_A.", "_loras.down.");
        Some(name.replace(".lora_B.", "_loras.up."))
    };
    let (_, _, own) = built(&stand_in(3), &base());
    let published = file(&own, &stand_in_name);
    load_published_adapters(&own, "reference", &published.path).unwrap();
    assert!(own.iter().enumerate().all(|(at, param)| first(param) == at as f32));
    let (_, _, other_rank) = built(&stand_in(2), &base());
    let before: Vec<f32> = other_rank.iter().map(first).collect();
    let error = load_published_adapters(&other_rank, "reference", &published.path).unwrap_err();
    let expected = format!("0 missing, 0 unexpected, {} of another shape", other_rank.len());
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!(before, other_rank.iter().map(first).collect::<Vec<_>>());
}
