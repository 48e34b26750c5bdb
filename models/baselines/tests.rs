//! All mechanisms on one small network: that they are data, run, learn and start as their base.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};

use super::test_scene::{
    CHANNELS, FRAMES, IMAGE_DIM, Means, STRIDE, all, base, built, face_spec, furthest, noise,
    pictures, told, velocity,
};
use super::{
    ConcatIdStage, Identity, Keys, Mechanism, Memory, Method, Offset, ReferencePictures,
    SegmentSpec, concat_id, consisid, magref, skyreels_a2, skyreels_a2_intended, stand_in,
    stand_in_intended, starting_weights, vace,
};
use crate::flow::{SamplerSettings, SolverKind};
use crate::params::{Param, Params};
use crate::wan::{Wan, WanConfig};

#[test]
fn every_mechanism_goes_through_json_unchanged() {
    for mechanism in all() {
        mechanism.check().unwrap();
        let json = serde_json::to_string(&mechanism).unwrap();
        assert_eq!(serde_json::from_str::<Mechanism>(&json).unwrap(), mechanism, "{json}");
    }
}

#[test]
fn every_mechanism_samples_and_the_person_matters() {
    for mechanism in all() {
        let (method, _, _) = built(&mechanism, &base());
        let told = told(&mechanism);
        let sampler = SamplerSettings::new(SolverKind::Euler, 2, 5.0);
        let latent = method
            .generate((&noise(&told), &told), sampler, &mut Memory::default(), &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap()
            .unwrap();
        assert_eq!(latent.dims(), [1, CHANNELS, 3, 4, 4], "{}", mechanism.name);
        let given = velocity(&method, &told, &told.identity);
        let blank = velocity(&method, &told, &told.blank);
        assert!(furthest(&given, &blank) > 1e-4, "{}", mechanism.name);
    }
}

#[test]
fn everything_a_mechanism_adds_has_a_gradient_but_what_is_idle() {
    for mechanism in all() {
        let (method, network, own) = built(&mechanism, &base());
        let told = told(&mechanism);
        let loss = velocity(&method, &told, &told.identity).sqr().unwrap().sum_all().unwrap();
        let store = loss.backward().unwrap();
        let idle = |param: &&Param| method.is_idle(param.name());
        for param in network.iter().chain(own.iter().filter(|param| !idle(param))) {
            let gradient = store.get(param.var());
            assert!(gradient.is_some(), "{}: {}", mechanism.name, param.name());
        }
        let largest = own.iter().filter(idle).map(|param| {
            store.get(param.var()).map_or(0.0, |gradient| {
                gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap()
            })
        });
        assert!(largest.into_iter().all(|largest| largest == 0.0), "{}", mechanism.name);
        let count = own.iter().filter(idle).count();
        let expected = if mechanism.name.starts_with("stand_in") { 2 } else { 0 };
        assert_eq!(count, expected, "{}", mechanism.name);
    }
}

#[test]
fn the_untold_of_a_batch_are_blank_and_the_others_as_they_were() {
    let mechanism = all().into_iter().find(|one| one.name == "concat_id").unwrap();
    let identity = told(&mechanism).identity;
    let twice = |tensor: &Tensor| Tensor::cat(&[tensor, tensor], 0).unwrap();
    let pair = Identity {
        references: identity.references.iter().map(twice).collect(),
        ..Identity::default()
    };
    let only = pair.only(&[false, true]).unwrap();
    let row = |of: &Identity, at: usize| of.references[0].narrow(0, at, 1).unwrap();
    assert_eq!(furthest(&row(&only, 0), &identity.blank(None).unwrap().references[0]), 0.0);
    assert_eq!(furthest(&row(&only, 1), &identity.references[0]), 0.0);
    assert!(pair.only(&[true; 3]).is_err());
}

#[test]
fn patterns_of_what_trains_name_parameters() {
    for mechanism in all() {
        let (_, network, _) = built(&mechanism, &base());
        for pattern in mechanism.trains.modules.iter().chain(&mechanism.trains.published) {
            let mut one = Params::partly_frozen(&Device::Cpu, std::slice::from_ref(pattern));
            for param in network.iter() {
                one.add(param.name(), param.var(), param.group()).unwrap();
            }
            assert!(one.iter().any(Param::is_trained), "{}: {pattern}", mechanism.name);
        }
    }
}

#[test]
fn input_channels_face_and_image_start_as_their_base() {
    let plain = Mechanism::default();
    let (reference, base_params, _) = built(&plain, &base());
    let weights = base_params.to_map().unwrap();
    let expected = velocity(&reference, &told(&plain), &Identity::default());
    for mechanism in [skyreels_a2(IMAGE_DIM), magref(IMAGE_DIM), consisid(face_spec())] {
        let (mut network, mut own) = (Params::new(&Device::Cpu), Params::new(&Device::Cpu));
        let wan = Wan::new(&mechanism.network(&base(), STRIDE).unwrap(), &mut network, 1).unwrap();
        let method = Method::new(&mechanism, (wan, &network), &mut own, 1).unwrap();
        network.load(&starting_weights(&weights, &network).unwrap()).unwrap();
        let told = told(&mechanism);
        let found = velocity(&method, &told, &told.identity);
        assert!(furthest(&found, &expected) < 1e-5, "{}", mechanism.name);
    }
    let adaln = concat_id(ConcatIdStage::AdaLn);
    let (_, network, _) = built(&adaln, &base());
    network.load(&starting_weights(&weights, &network).unwrap()).unwrap();
    let value = |name: &str| network.get(name).unwrap().var().as_detached_tensor();
    assert_eq!(furthest(&value("blocks.1.modulation_ref"), &value("blocks.1.modulation")), 0.0);
}

#[test]
fn remembered_keys_give_the_same_bytes_and_live_as_declared() {
    for (mechanism, outlives) in [(stand_in(2), true), (stand_in_intended(2), false)] {
        let (method, _, _) = built(&mechanism, &base());
        let (mut told, mut memory) = (told(&mechanism), Memory::default());
        let (noise, t) = (noise(&told), Tensor::new(&[700f32], &Device::Cpu).unwrap());
        memory.begin(&mechanism.segments, true);
        let passes = method.passes(&told, &noise, &mut memory).unwrap();
        assert!(passes.iter().all(|pass| pass.segments().is_empty()));
        let cached = passes[1].velocities(&noise, &t, None).unwrap().swap_remove(0);
        let fresh = velocity(&method, &told, &told.identity);
        assert_eq!(furthest(&cached, &fresh), 0.0);
        told.identity = Identity::default();
        memory.begin(&mechanism.segments, false);
        let passes = method.passes(&told, &noise, &mut memory).unwrap();
        let later = passes[1].velocities(&noise, &t, None).unwrap().swap_remove(0);
        assert_eq!(furthest(&later, &fresh) == 0.0, outlives, "{:?}", mechanism.segments[0].keys);
    }
}

#[test]
fn a_mechanism_can_be_declared_from_parts_of_others() {
    // FaithfulFaces on top of Stand-In's segment, which is no method of the table.
    let json = r#"{
        "name": "ours_with_stand_in",
        "control": {}, "shared": {"injection": "add", "width": 7},
        "segments": [{"name": "face", "references": [0], "offset": [-1, "end", "end"],
            "timestep": 0, "sees_text": false, "attends_to": ["self"], "keys": "remembered"}],
        "passes": [{"name": "negative", "prompt": false, "identity": "absent"},
            {"name": "positive", "scale": 4}]
    }"#;
    let mechanism: Mechanism = serde_json::from_str(json).unwrap();
    let (method, _, _) = built(&mechanism, &base());
    let told = told(&mechanism);
    assert_eq!((method.mechanism().passes_per_step(), told.identity.in_front), (2, 2));
    let blank = velocity(&method, &told, &told.blank);
    assert!(furthest(&velocity(&method, &told, &told.identity), &blank) > 1e-4);
}

#[test]
fn names_that_are_not_there_are_refused() {
    let message = |change: &dyn Fn(&mut Mechanism)| {
        let mut mechanism = stand_in(2);
        change(&mut mechanism);
        mechanism.check().unwrap_err().to_string()
    };
    let adapter = message(&|at| at.segments[0].adapter = Some("face".into()));
    let expected = "`adapter` is face, but must be one of those declared: `reference`";
    assert_eq!(adapter, expected);
    let other = message(&|at| at.segments[0].attends_to = vec!["face".into()]);
    assert!(other.starts_with("`attends_to` is face"), "{other}");
    let twice = message(&|at| at.segments.push(SegmentSpec::default()));
    assert_eq!(twice, "`segments` is reference, but must have names of their own");
    let keys = message(&|at| at.segments[0].timestep = None);
    assert!(keys.starts_with("`keys` is kept, but must be `fresh` unless"), "{keys}");
    let shown = Mechanism { control: vace().control, ..Mechanism::default() };
    let error = shown.network(&WanConfig { vace: None, ..base() }, STRIDE).unwrap_err().to_string();
    assert!(error.starts_with("`control` is given, but needs a base"), "{error}");
}

#[test]
fn masks_of_input_channels_cover_the_references() {
    let pictures = pictures(2);
    let from = ReferencePictures { pictures: &pictures, region: None, frames: FRAMES };
    let mask = |mechanism: &Mechanism| -> Vec<f32> {
        let channels = mechanism.channels.unwrap().build(&Means, &from).unwrap();
        assert_eq!(channels.dims(), [1, STRIDE + CHANNELS, 3, 4, 4]);
        let mask = channels.narrow(1, 0, STRIDE).unwrap().narrow(3, 0, 1).unwrap();
        mask.narrow(4, 0, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    assert_eq!(mask(&skyreels_a2(1)), [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
    assert_eq!(mask(&magref(1)), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let one = ReferencePictures { pictures: &pictures[..1], ..from };
    let build = |mechanism: Mechanism| mechanism.channels.unwrap().build(&Means, &one);
    let error = build(skyreels_a2(1)).unwrap_err().to_string();
    assert!(error.contains("cannot run with one reference"), "{error}");
    build(skyreels_a2_intended(1)).unwrap();
}

#[test]
fn the_place_of_a_segment_is_told_on_the_videos_grid() {
    let mut mechanism = stand_in(2);
    mechanism.segments[0].keys = Keys::Fresh;
    let (method, _, _) = built(&mechanism, &base());
    let told = told(&mechanism);
    let pass = method.pass(&told.prompt, &told.identity, &noise(&told)).unwrap();
    assert_eq!(pass.segments()[0].origin, [-1, 2, 2]);
    mechanism.segments[0].offset = [Offset::END, Offset::at(0), Offset::at(3)];
    let (method, _, _) = built(&mechanism, &base());
    let pass = method.pass(&told.prompt, &told.identity, &noise(&told)).unwrap();
    assert_eq!(pass.segments()[0].origin, [3, 0, 3]);
    let dtype = pass.segments()[0].timestep.unwrap().dtype();
    assert_eq!(dtype, DType::F64);
}
