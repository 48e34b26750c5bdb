//! Tests of the whole way: faces → aligner → loss → gradients → optimiser.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::{Device, Result, Tensor};

use crate::aligner::{Aligner, AlignerConfig, CorrelationScale, Mixer, OutputNorm};
use crate::checkpoint::{decode, encode};
use crate::dictionary::{AlignerOutput, Temperature, builtin_normalizer, builtin_pool};
use crate::euler::EulerKind;
use crate::grad_cache::{Objective, Pairs, loss_and_gradients};
use crate::gradients::{Gradients, dead_parameters};
use crate::loss::{INITIAL_LOGIT_SCALE, pia_loss};
use crate::optim::{AdamW, AdamWConfig};
use crate::parameter_gradients::check_parameter_gradients;
use crate::params::{Group, Params};
use crate::stream::Stream;
use crate::vit::VitConfig;

/// An aligner with its parameters and optimiser.
struct Training {
    params: Params,
    aligner: Aligner,
    logit_scale: Tensor,
    optimizer: AdamW,
}

impl Training {
    fn new(pool: &str, normalizer: &str) -> Self {
        let mut params = Params::new(&Device::Cpu);
        let aligner = Aligner::new(config(pool, normalizer), &mut params, 1).unwrap();
        let scale = Tensor::new(INITIAL_LOGIT_SCALE as f32, &Device::Cpu).unwrap();
        let logit_scale = params.add("logit_scale", &scale, Group::NoDecay).unwrap();
        let optimizer = AdamW::new(&params, AdamWConfig { clip: 5.0, ..AdamWConfig::default() });
        Self { params, aligner, logit_scale, optimizer: optimizer.unwrap() }
    }

    fn gradients(&self, pairs: &Pairs, chunk: usize) -> (f32, Gradients) {
        let objective = Objective { logit_scale: &self.logit_scale, extra: None, chunk, step: 0 };
        let found = loss_and_gradients(&self.aligner, &self.params, pairs, &objective).unwrap();
        (found.pia, found.gradients)
    }

    /// The losses of some steps.
    fn steps(&mut self, steps: Range<u64>) -> Vec<f32> {
        let mut one = |step| {
            let (loss, gradients) = self.gradients(&pairs(12, step), 12);
            self.optimizer.step(&self.params, &gradients, 3e-3).unwrap();
            loss
        };
        steps.map(&mut one).collect()
    }

    fn save(&self) -> Vec<u8> {
        let mut all = self.optimizer.to_map(&self.params).unwrap();
        all.append(&mut self.params.to_map().unwrap());
        encode(&all).unwrap()
    }

    fn restore(&mut self, bytes: &[u8]) {
        let all = decode(bytes, &Device::Cpu).unwrap();
        let (state, weights): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(name, _)| name.starts_with("adamw."));
        self.params.load(&weights).unwrap();
        self.optimizer.load(&self.params, &state).unwrap();
    }
}

fn config(pool: &str, normalizer: &str) -> AlignerConfig {
    AlignerConfig {
        vit: VitConfig { image_px: 8, patch_px: 4, width: 16, depth: 1, heads: 2, mlp_ratio: 2 },
        euler: EulerKind::Timestep,
        mixer: Mixer::Dictionary,
        elements: 24,
        pool: builtin_pool(pool).unwrap(),
        normalizer: builtin_normalizer(normalizer).unwrap(),
        scale: CorrelationScale::RsqrtWidth,
        temperature: Temperature { start: 1.0, decay: 1.0, floor: 0.01 },
        dictionary_std: 1.0,
        output_norm: OutputNorm::Rms,
    }
}

/// Pairs of toy faces: a person is a fixed pattern, a pose a shift of brightness with its angle.
fn pairs(n: usize, step: u64) -> Pairs {
    let mut noise = Stream::new(9, "test/noise", step);
    let mut side = || {
        let (mut images, mut eulers) = (vec![], vec![]);
        for person in 0..n {
            let mut pattern = Stream::new(person as u64, "test/person", 0);
            let yaw = noise.between(-1.0, 1.0);
            images.extend((0..192).map(|_| pattern.normal() + 0.5 * yaw + 0.3 * noise.normal()));
            eulers.extend([0.1 * yaw, yaw, 0.0]);
        }
        let images = Tensor::from_vec(images, (n, 3, 8, 8), &Device::Cpu).unwrap();
        (images, Tensor::from_vec(eulers, (n, 3), &Device::Cpu).unwrap())
    };
    let ((images1, eulers1), (images2, eulers2)) = (side(), side());
    Pairs { images: [images1, images2], eulers: [eulers1, eulers2], identities: None }
}

#[test]
fn gradients_of_the_whole_aligner_match_finite_differences() {
    for (pool, normalizer) in [("max", "none"), ("max", "softmax"), ("mean", "sparsemax")] {
        let training = Training::new(pool, normalizer);
        let Pairs { images, eulers, .. } = pairs(4, 0);
        let s = |side: usize| training.aligner.forward(&images[side], &eulers[side], 0);
        let loss = || pia_loss(&s(0)?.shared_bd, &s(1)?.shared_bd, &training.logit_scale, None);
        check_parameter_gradients(&training.params, &loss);
    }
}

#[test]
fn every_parameter_is_alive_at_the_first_step() {
    for normalizer in ["none", "softmax", "sparsemax"] {
        let training = Training::new("max", normalizer);
        let (_, gradients) = training.gradients(&pairs(12, 0), 12);
        let dead = dead_parameters(&training.params, &gradients).unwrap();
        assert!(dead.is_empty(), "{normalizer}: {dead:?}");
    }
}

#[test]
fn sixty_steps_teach_toy_faces() {
    for normalizer in ["none", "softmax", "sparsemax"] {
        let mut training = Training::new("max", normalizer);
        let losses = training.steps(0..60);
        assert!(losses[59] < 0.5 * losses[0], "{normalizer}: {} to {}", losses[0], losses[59]);
    }
}

#[test]
fn a_restored_training_ends_in_the_same_bytes() {
    let mut whole = Training::new("max", "sparsemax");
    whole.steps(0..4);
    let saved = whole.save();
    whole.steps(4..8);
    let mut restored = Training::new("max", "sparsemax");
    restored.restore(&saved);
    assert_eq!(restored.optimizer.steps_made(), 4);
    restored.steps(4..8);
    assert!(whole.save() == restored.save());
}

#[test]
fn a_step_is_the_same_bytes_at_any_thread_count() {
    let bytes_with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut training = Training::new("max", "sparsemax");
            let (_, gradients) = training.gradients(&pairs(64, 0), 64);
            training.optimizer.step(&training.params, &gradients, 1e-3).unwrap();
            training.save()
        })
    };
    let one = bytes_with(1);
    assert!(one == bytes_with(2) && one == bytes_with(4));
}

#[test]
fn cached_gradients_equal_the_plain_ones() {
    let training = Training::new("max", "softmax");
    let mut pairs = pairs(64, 0);
    pairs.identities = Some((0..64).map(|pair| pair % 60).collect());
    let extra = |first: &AlignerOutput, second: &AlignerOutput| -> Result<Tensor> {
        let peaks = (first.weights_bc.sqr()? + second.weights_bc.sqr()?)?.sum_all()?;
        peaks + (&first.shared_bd - &second.shared_bd)?.sqr()?.mean_all()?
    };
    let run = |chunk: usize| {
        let logit_scale = &training.logit_scale;
        let objective = Objective { logit_scale, extra: Some(&extra), chunk, step: 0 };
        loss_and_gradients(&training.aligner, &training.params, &pairs, &objective).unwrap()
    };
    let (whole, cached) = (run(64), run(10));
    assert!((whole.pia - cached.pia).abs() < 1e-5);
    assert!((whole.extra.unwrap() - cached.extra.unwrap()).abs() < 1e-4);
    for (at, param) in training.params.iter().enumerate() {
        let [whole, cached] = [&whole, &cached].map(|found| found.gradients.at(at).unwrap());
        let norm = |x: &Tensor| x.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        let error = norm(&(whole - cached).unwrap()) / norm(whole);
        assert!(error.sqrt() < 1e-5, "`{}`: {error}", param.name());
    }
}

#[test]
fn a_thousand_pairs_fit_through_small_chunks() {
    let training = Training::new("max", "sparsemax");
    let (loss, gradients) = training.gradients(&pairs(1024, 0), 128);
    assert!(loss.is_finite() && gradients.global_norm().unwrap() > 0.0);
}

#[test]
fn a_frozen_aligner_gives_the_same_output_without_a_graph() {
    let training = Training::new("max", "softmax");
    let Pairs { images, eulers, .. } = pairs(2, 0);
    let mut params = Params::frozen(&Device::Cpu);
    let frozen = Aligner::new(config("max", "softmax"), &mut params, 2).unwrap();
    let mut weights = training.params.to_map().unwrap();
    weights.remove("logit_scale");
    params.load(&weights).unwrap();
    let tracked = training.aligner.forward(&images[0], &eulers[0], 0).unwrap().shared_bd;
    let plain = frozen.forward(&images[0], &eulers[0], 0).unwrap().shared_bd;
    assert!(tracked.track_op() && !plain.track_op());
    assert_eq!(tracked.to_vec2::<f32>().unwrap(), plain.to_vec2::<f32>().unwrap());
    let rms = frozen.normalized(&plain).unwrap().sqr().unwrap().mean(1).unwrap();
    assert!(rms.to_vec1::<f32>().unwrap().iter().all(|square| (square - 1.0).abs() < 1e-4));
}
