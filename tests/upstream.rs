//! Faults of candle 0.11.1 that `ffrun_models::ops` exists to avoid, each pinned down by a test: one
//! that fails after an upgrade says that candle has mended the fault, and that a workaround can go.

#![allow(clippy::disallowed_methods, reason = "the faults are what is tested")]

use candle_core::{D, DType, Device, Result, Tensor, Var};

fn variable() -> Var {
    let x = Tensor::new(&[[0.3_f32, -0.7, 1.1], [0.2, 0.9, -1.3]], &Device::Cpu)
        .expect("candle computes");
    Var::from_tensor(&x).expect("candle computes")
}

/// Whether a gradient comes through `f`.
fn differentiates(f: impl Fn(&Tensor) -> Result<Tensor>) -> bool {
    let x = variable();
    let gradients = f(x.as_tensor())
        .expect("candle computes")
        .sum_all()
        .expect("candle computes")
        .backward()
        .expect("candle computes");
    gradients.get(&x).is_some()
}

fn ones() -> Tensor {
    Tensor::ones(3, DType::F32, &Device::Cpu).expect("candle computes")
}

#[test]
fn the_fused_softmax_cuts_the_gradient() {
    assert!(!differentiates(candle_nn::ops::softmax_last_dim));
    assert!(differentiates(|x| candle_nn::ops::softmax(x, D::Minus1)));
}

#[test]
fn the_fused_layer_norm_cuts_the_gradient() {
    let (weight, bias) = (ones(), ones());
    assert!(!differentiates(|x| candle_nn::ops::layer_norm(x, &weight, &bias, 1e-5)));
    assert!(differentiates(|x| candle_nn::ops::layer_norm_slow(x, &weight, &bias, 1e-5)));
}

#[test]
fn the_fused_rms_norm_cuts_the_gradient() {
    let weight = ones();
    assert!(!differentiates(|x| candle_nn::ops::rms_norm(x, &weight, 1e-5)));
    assert!(differentiates(|x| candle_nn::ops::rms_norm_slow(x, &weight, 1e-5)));
}

#[test]
fn matmul_differentiates_frozen_operands() {
    let (x, frozen) = (variable(), Tensor::ones((3, 4), DType::F32, &Device::Cpu).unwrap());
    let gradients = x.matmul(&frozen).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&frozen).is_some());
    let ours = ffrun_models::ops::linear(&x, &frozen.t().unwrap(), None).unwrap();
    assert!(ours.sum_all().unwrap().backward().unwrap().get(&frozen).is_none());
}

#[test]
fn every_one_of_tied_maxima_gets_the_whole_gradient() {
    let x = Var::from_tensor(&Tensor::new(&[2.0_f32, 2.0, 1.0], &Device::Cpu).unwrap()).unwrap();
    let gradients = x.max(0).unwrap().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>().unwrap(), [1.0, 1.0, 0.0]);
}

#[test]
fn gradients_hold_the_graph() {
    let (x, y) = (variable(), variable());
    let loss = (x.as_tensor() * y.as_tensor()).unwrap().sum_all().unwrap();
    assert!(loss.backward().unwrap().get(&x).unwrap().track_op());
}
