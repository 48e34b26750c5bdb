//! The shipped in-world evaluators on people that no network has seen, and beside networks that were
//! trained on photographs.

use candle_core::{Device, Tensor};
use ffrun::data::heads::{Pose, Still, stills, stills_at};
use ffrun::metrics::Trials;
use ffrun::spec::FacesSpec;
use ffrun::stages::evaluators::{Evaluators, Recognition};

use crate::heads::{aligned, crop, network};

fn faces(identities: usize, views: usize, size_px: usize) -> FacesSpec {
    FacesSpec {
        split: "test".into(),
        identities,
        views,
        size_px,
        world: 0,
        yaw_deg: 60.0,
        yaw_least_deg: 0.0,
        pitch_deg: 20.0,
        roll_deg: 10.0,
        expression: 0.6,
        occlusion: 0.0,
        surroundings: "per_view".into(),
        pose_grid: false,
    }
}

fn pixels(drawn: &[Still]) -> Vec<u8> {
    drawn.iter().flat_map(|still| still.pixels.clone()).collect()
}

fn rows(vectors: &Tensor) -> Vec<Vec<f32>> {
    vectors.to_vec2().unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Cosines of all pairs, and whether a pair shows one person.
fn pairs(vectors: &[Vec<f32>], drawn: &[Still]) -> Vec<(f32, bool)> {
    let mut found = Vec::new();
    for i in 0..drawn.len() {
        for j in i + 1..drawn.len() {
            let same = drawn[i].label.identity == drawn[j].label.identity;
            found.push((cosine(&vectors[i], &vectors[j]), same));
        }
    }
    found
}

fn auc(pairs: &[(f32, bool)]) -> f64 {
    let of = |same: bool| pairs.iter().filter(|pair| pair.1 == same).map(|pair| pair.0).collect();
    Trials { genuine: of(true), impostor: of(false) }.auc().unwrap()
}

/// Places in the order of size; equal values share the mean of theirs.
fn places(values: &[f32]) -> Vec<f64> {
    let below = |value: f32| values.iter().filter(|other| **other < value).count() as f64;
    let equal = |value: f32| values.iter().filter(|other| **other == value).count() as f64;
    values.iter().map(|&value| below(value) + (equal(value) - 1.0) / 2.0).collect()
}

/// Spearman's rank correlation.
fn rank_correlation(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (places(a), places(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[test]
fn a_shipped_recogniser_tells_unseen_people_apart_at_any_size() {
    let evaluators = Evaluators::shipped(&Device::Cpu).unwrap();
    for size_px in [64, 128] {
        let drawn = stills(&faces(24, 4, size_px)).unwrap().stills;
        let vectors = evaluators
            .recognise(Recognition::ArcFace, &pixels(&drawn), size_px)
            .map(|vectors| rows(&vectors))
            .unwrap();
        assert!(vectors.iter().all(|row| (cosine(row, row) - 1.0).abs() < 1e-4));
        let found = auc(&pairs(&vectors, &drawn));
        eprintln!("in-world ArcFace at {size_px} px: AUC {found:.3}");
        assert!(found > 0.8, "{found}");
    }
    let broken = evaluators.recognise(Recognition::ArcFace, &[0; 100], 64).unwrap_err();
    assert!(broken.to_string().contains("no whole number"), "{broken}");
    let none = evaluators.recognise(Recognition::ArcFace, &[], 64).unwrap_err();
    assert_eq!(none.to_string(), "there are no frames to measure");
}

#[test]
fn similarity_agrees_with_a_recogniser_of_photographs() {
    let Some(real) = network("mobileface_v2.onnx") else { return };
    let evaluators = Evaluators::shipped(&Device::Cpu).unwrap();
    let poses: Vec<Pose> = [0.0f32, 20.0, -20.0].map(|yaw| Pose::new(yaw, 0.0, 0.0)).into();
    let drawn = stills_at(&faces(16, 1, 128), Some(&poses)).unwrap().stills;
    let ours = evaluators.recognise(Recognition::ArcFace, &pixels(&drawn), 128).unwrap();
    let theirs: Vec<Vec<f32>> = drawn
        .iter()
        .map(|still| {
            // The network takes red first.
            let rgb = crop(still, 128, aligned(still), 112).flip(&[1]).unwrap();
            real.run(&rgb).unwrap()["fc5_bn"].flatten_all().and_then(|row| row.to_vec1()).unwrap()
        })
        .collect();
    let similarities = |vectors: &[Vec<f32>]| -> Vec<f32> {
        pairs(vectors, &drawn).into_iter().map(|pair| pair.0).collect()
    };
    let (ours, theirs) = (similarities(&rows(&ours)), similarities(&theirs));
    let found = rank_correlation(&ours, &theirs);
    eprintln!("in-world ArcFace and recogniser B: rank correlation {found:.2} of similarities");
    assert!(found > 0.2, "{found}");
}

#[test]
fn a_shipped_pose_estimator_beats_a_blind_guess() {
    let evaluators = Evaluators::shipped(&Device::Cpu).unwrap();
    let drawn = stills(&faces(24, 4, 64)).unwrap().stills;
    let seen = evaluators.pose(&pixels(&drawn), 64).unwrap();
    let (mut error, mut blind) = (0.0, 0.0);
    for (still, seen) in drawn.iter().zip(&seen) {
        let yaw = f64::from(still.label.yaw_deg);
        error += (seen.euler.to_degrees()[1] - yaw).abs();
        blind += yaw.abs();
    }
    let count = drawn.len() as f64;
    eprintln!("in-world pose: yaw off by {:.1} degrees, blind {:.1}", error / count, blind / count);
    assert!(error < 0.7 * blind, "{error} {blind}");
    let faces = seen.iter().filter(|seen| seen.presence > 0.5).count();
    assert!(faces * 10 >= drawn.len() * 8, "{faces} of {}", drawn.len());
}
