//! Tests of the whole transformer: segments, injection, adapters, recomputation.

use candle_core::{Device, Result, Tensor};

use super::{
    Attends, ImageConfig, Injection, InjectionKind, ModulationConfig, Segment, SharedInput, Tokens,
    VaceConfig, VaceInput, Wan, WanConfig, WanInput,
};
use crate::gradients::{Gradients, dead_parameters};
use crate::lora::{Lora, LoraGroup};
use crate::parameter_gradients::check_parameter_gradients;
use crate::params::{Param, Params};
use crate::stream::Stream;

const SHARED_WIDTH: usize = 5;

fn config() -> WanConfig {
    WanConfig {
        dim: 12,
        ffn_dim: 10,
        heads: 2,
        blocks: 2,
        in_channels: 2,
        out_channels: 2,
        patch: [1, 2, 2],
        text_dim: 4,
        text_len: Some(5),
        freq_dim: 8,
        eps: 1e-6,
        vace: Some(VaceConfig { blocks: vec![0], in_channels: 3 }),
        image: None,
        modulations: vec![ModulationConfig { name: "ref".to_owned(), ffn_reuses_attention: false }],
    }
}

/// A network of random weights: the initial ones hide most paths behind zeros.
fn network(config: &WanConfig) -> (Wan, Params) {
    let mut params = Params::new(&Device::Cpu);
    let wan = Wan::new(config, &mut params, 1).unwrap();
    randomise(&params);
    (wan, params)
}

fn randomise(params: &Params) {
    for param in params.iter() {
        let value = sample_named(param.name(), param.var().dims(), 0.4);
        let centre = if param.name().contains("norm") { 1.0 } else { 0.0 };
        param.var().set(&(value + centre).unwrap()).unwrap();
    }
}

fn sample_named(name: &str, shape: &[usize], std: f32) -> Tensor {
    Stream::new(7, name, 0).normal_tensor(shape, std, &Device::Cpu).unwrap()
}

/// The parts of a batch of two.
struct Batch {
    latent: Tensor,
    timestep: Tensor,
    text: Tensor,
    control: Tensor,
    reference: Tensor,
    shared: Tensor,
}

impl Batch {
    fn new() -> Self {
        Self {
            latent: sample_named("latent", &[2, 2, 2, 4, 6], 1.0),
            timestep: Tensor::new(&[937.25f32, 21.5], &Device::Cpu).unwrap(),
            text: sample_named("text", &[2, 3, 4], 1.0),
            control: sample_named("control", &[2, 3, 2, 4, 6], 1.0),
            reference: sample_named("reference", &[2, 2, 1, 4, 6], 1.0),
            shared: sample_named("shared", &[2, SHARED_WIDTH], 1.0),
        }
    }

    fn input(&self) -> WanInput<'_> {
        WanInput::new(&self.latent, &self.timestep, &self.text)
    }

    fn with_vace(&self) -> WanInput<'_> {
        let vace = Some(VaceInput { context: &self.control, scales: None });
        WanInput { vace, ..self.input() }
    }

    /// The reference one frame behind the video.
    fn behind(&self) -> Segment<'_> {
        Segment::clean(Tokens::Latent(&self.reference), [2, 0, 0])
    }
}

fn distance(a: &Tensor, b: &Tensor) -> f32 {
    let difference = (a - b).unwrap().abs().unwrap().max_all().unwrap();
    difference.to_scalar::<f32>().unwrap()
}

#[test]
fn gradients_of_every_parameter_match_finite_differences() {
    // The image branch moves this little network too little for differences in f32; the goldens
    // have its gradients.
    let (wan, params) = network(&config());
    let batch = Batch::new();
    let segments = [Segment { modulation: Some("ref"), sees_text: false, ..batch.behind() }];
    let input = WanInput { segments: &segments, ..batch.with_vace() };
    check_parameter_gradients(&params, &|| wan.forward(&input));
}

#[test]
fn a_fresh_network_gives_zero_and_its_vace_branch_nothing() {
    let mut params = Params::new(&Device::Cpu);
    let wan = Wan::new(&config(), &mut params, 1).unwrap();
    let batch = Batch::new();
    let zero = wan.forward(&batch.with_vace()).unwrap();
    assert_eq!(distance(&zero, &zero.zeros_like().unwrap()), 0.0);
    let head = params.get("head.head.weight").unwrap().var();
    head.set(&sample_named("head", head.dims(), 1.0)).unwrap();
    let with = wan.forward(&batch.with_vace()).unwrap();
    assert_eq!(distance(&with, &wan.forward(&batch.input()).unwrap()), 0.0);
}

#[test]
fn a_segment_behind_the_video_is_more_video() {
    let (wan, _) = network(&config());
    let batch = Batch::new();
    let longer = Tensor::cat(&[&batch.latent, &batch.reference], 2).unwrap();
    let whole = wan.forward(&WanInput { latent: &longer, ..batch.input() }).unwrap();
    let joined = [Segment { noisy: true, ..batch.behind() }];
    // Naming all it sees keeps a segment in a span of its own.
    let apart = [Segment { attends_to: Attends::Only(&[0, 1]), ..joined[0] }];
    for segments in [&joined, &apart] {
        let parts = wan.velocities(&WanInput { segments, ..batch.input() }).unwrap();
        assert_eq!(parts.len(), 2);
        assert!(distance(&whole, &Tensor::cat(&parts, 2).unwrap()) < 1e-5);
    }
}

#[test]
fn a_segment_sees_only_what_it_attends_to() {
    let (wan, _) = network(&config());
    let batch = Batch::new();
    let other = sample_named("other", batch.latent.dims(), 1.0);
    let alone = [Segment { attends_to: Attends::Only(&[1]), noisy: true, ..batch.behind() }];
    let velocities =
        |latent| wan.velocities(&WanInput { latent, segments: &alone, ..batch.input() }).unwrap();
    let (first, second) = (velocities(&batch.latent), velocities(&other));
    assert_eq!(distance(&first[1], &second[1]), 0.0);
    let without = wan.forward(&batch.input()).unwrap();
    assert!(distance(&first[0], &without) > 1e-3);
}

#[test]
fn timesteps_of_tokens_may_be_given_one_by_one() {
    let (wan, _) = network(&config());
    let batch = Batch::new();
    let tokens = 2 * 2 * 3;
    let each = batch.timestep.unsqueeze(1).unwrap().repeat((1, tokens)).unwrap();
    let found = wan.forward(&WanInput { timestep: &each, ..batch.with_vace() }).unwrap();
    assert!(distance(&found, &wan.forward(&batch.with_vace()).unwrap()) < 1e-5);
}

fn injection(kind: InjectionKind) -> (Injection, Params) {
    let mut params = Params::new(&Device::Cpu);
    let injection = Injection::new(kind, SHARED_WIDTH, &config(), &mut params).unwrap();
    (injection, params)
}

const KINDS: [InjectionKind; 4] =
    [InjectionKind::Add, InjectionKind::Token, InjectionKind::AdaLn, InjectionKind::CrossAttention];

#[test]
fn a_fresh_injection_changes_nothing() {
    let (wan, _) = network(&config());
    let batch = Batch::new();
    for kind in KINDS {
        let (injection, _) = injection(kind);
        let with = |value| {
            let shared = Some(SharedInput { injection: &injection, value });
            wan.forward(&WanInput { shared, ..batch.with_vace() }).unwrap()
        };
        let nobody = batch.shared.zeros_like().unwrap();
        // A token takes part in the softmax even when it is zero.
        let expected = match kind {
            InjectionKind::Token => with(&nobody),
            _ => wan.forward(&batch.with_vace()).unwrap(),
        };
        assert_eq!(distance(&with(&batch.shared), &expected), 0.0, "{kind:?}");
    }
}

#[test]
fn injections_have_gradients_and_an_effect() {
    let (wan, _) = network(&config());
    let batch = Batch::new();
    for kind in KINDS {
        let (injection, params) = injection(kind);
        randomise(&params);
        let forward = |value: &Tensor| -> Result<Tensor> {
            let shared = Some(SharedInput { injection: &injection, value });
            wan.forward(&WanInput { shared, ..batch.with_vace() })
        };
        check_parameter_gradients(&params, &|| forward(&batch.shared));
        let swapped = batch.shared.flip(&[0]).unwrap();
        let effect = distance(&forward(&batch.shared).unwrap(), &forward(&swapped).unwrap());
        assert!(effect > 1e-3, "{kind:?}");
        crate::ops::gradcheck(&|x| forward(&x[0]), std::slice::from_ref(&batch.shared), 2e-2)
            .unwrap();
    }
}

fn adapters(base: &Params) -> (Lora, Params) {
    let mut params = Params::new(&Device::Cpu);
    let targets = vec!["self_attn.q".to_owned(), "cross_attn.v".to_owned(), "ffn.0".to_owned()];
    let group = LoraGroup { targets, rank: 2, alpha: 4.0 };
    let lora = Lora::new(&[group], base, &mut params, 1).unwrap();
    randomise(&params);
    (lora, params)
}

#[test]
fn recomputed_blocks_give_the_same_gradients() {
    let (wan, params) = network(&config());
    let (lora, lora_params) = adapters(&params);
    let batch = Batch::new();
    let segments = [Segment {
        modulation: Some("ref"),
        attends_to: Attends::Only(&[1]),
        lora: Some(&lora),
        ..batch.behind()
    }];
    let gradients = |recompute| {
        let input = WanInput { segments: &segments, recompute, ..batch.with_vace() };
        let loss = wan.forward(&input).unwrap().sqr().unwrap().sum_all().unwrap();
        let mut store = loss.backward().unwrap();
        let base = Gradients::take(&params, &mut store);
        (base, Gradients::take(&lora_params, &mut store))
    };
    let (kept, recomputed) = (gradients(false), gradients(true));
    for (params, kept, recomputed) in
        [(&params, &kept.0, &recomputed.0), (&lora_params, &kept.1, &recomputed.1)]
    {
        for (at, param) in params.iter().enumerate() {
            // What the loss does not depend on may have no gradient or a zero one.
            let zero = param.var().zeros_like().unwrap();
            let (kept, recomputed) =
                (kept.at(at).unwrap_or(&zero), recomputed.at(at).unwrap_or(&zero));
            let (size, error) = (distance(kept, &zero), distance(kept, recomputed));
            assert!(error <= 1e-5 * size.max(1.0), "{}: {error} of {size}", param.name());
        }
    }
}

#[test]
fn adapters_on_a_frozen_base_are_all_that_trains() {
    let mut params = Params::frozen(&Device::Cpu);
    let wan = Wan::new(&config(), &mut params, 1).unwrap();
    randomise(&params);
    let (lora, lora_params) = adapters(&params);
    let batch = Batch::new();
    for recompute in [false, true] {
        let input = WanInput { lora: Some(&lora), recompute, ..batch.with_vace() };
        let loss = wan.forward(&input).unwrap().sqr().unwrap().sum_all().unwrap();
        let mut store = loss.backward().unwrap();
        let found = Gradients::take(&lora_params, &mut store);
        assert!(dead_parameters(&lora_params, &found).unwrap().is_empty());
        assert!(params.iter().all(|param| store.get(param.var()).is_none()));
    }
    check_parameter_gradients(&lora_params, &|| {
        wan.forward(&WanInput { lora: Some(&lora), ..batch.with_vace() })
    });
}

#[test]
fn merged_adapters_give_the_adapted_network() {
    let (wan, params) = network(&config());
    let (lora, _lora_params) = adapters(&params);
    let batch = Batch::new();
    let input = batch.with_vace();
    let adapted = wan.forward(&WanInput { lora: Some(&lora), ..input }).unwrap();
    assert!(distance(&adapted, &wan.forward(&input).unwrap()) > 1e-2);
    lora.merge_into(&params).unwrap();
    assert!(distance(&adapted, &wan.forward(&input).unwrap()) < 1e-4);
}

#[test]
fn inputs_without_their_branch_are_named() {
    let (wan, _) = network(&WanConfig { vace: None, ..config() });
    let batch = Batch::new();
    let message = |input: WanInput| wan.forward(&input).unwrap_err().to_string();
    assert!(message(batch.with_vace()).contains("no VACE branch"));
    assert!(message(WanInput { image: Some(&batch.text), ..batch.input() }).contains("no image"));
    let unknown = [Segment { modulation: Some("face"), ..batch.behind() }];
    assert!(message(WanInput { segments: &unknown, ..batch.input() }).contains("`face`"));
    let nobody = [Segment { attends_to: Attends::Only(&[4]), ..batch.behind() }];
    let text = message(WanInput { segments: &nobody, ..batch.input() });
    assert!(text.contains("attends to segment 4"), "{text}");
    let odd = sample_named("odd", &[2, 2, 2, 5, 6], 1.0);
    let text = message(WanInput { latent: &odd, ..batch.input() });
    assert!(text.contains("5 rows"), "{text}");
    let long = sample_named("long", &[2, 6, 4], 1.0);
    assert!(message(WanInput { text: &long, ..batch.input() }).contains("truncate"));
}

#[test]
fn a_blank_network_takes_the_weights_of_another() {
    let (wan, params) = network(&config());
    let mut others = Params::new(&Device::Cpu);
    let blank = Wan::blank(&config(), &mut others).unwrap();
    others.load(&params.to_map().unwrap()).unwrap();
    let batch = Batch::new();
    let (found, expected) = (blank.forward(&batch.input()), wan.forward(&batch.input()));
    assert_eq!(distance(&found.unwrap(), &expected.unwrap()), 0.0);
}

#[test]
fn parameters_are_as_many_as_the_configuration_says() {
    for config in [config(), WanConfig { image: Some(ImageConfig { dim: 3 }), ..config() }] {
        let (_, params) = network(&config);
        assert_eq!(params.trained_values(), config.parameter_count());
        assert!(params.iter().map(Param::name).any(|name| name == "blocks.1.modulation_ref"));
    }
}
