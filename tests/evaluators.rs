//! The shipped in-world evaluators on people that no network has seen.

use candle_core::{Device, Tensor};
use ffrun::data::heads::{Still, stills};
use ffrun::metrics::separation;
use ffrun::spec::FacesSpec;
use ffrun::stages::evaluators::{Evaluators, Recognition};

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
    let of = |same: bool| pairs.iter().filter(move |pair| pair.1 == same).map(|pair| pair.0);
    separation(&of(true).collect::<Vec<f32>>(), of(false).collect()).unwrap()
}

#[test]
fn shipped_recognisers_tell_unseen_people_apart_at_any_size() {
    let evaluators = Evaluators::shipped(&Device::Cpu).unwrap();
    for size_px in [64, 128] {
        let drawn = stills(&faces(24, 4, size_px)).unwrap().stills;
        for by in [Recognition::ArcFace, Recognition::CurricularFace] {
            let vectors = evaluators.recognise(by, &pixels(&drawn), size_px);
            let vectors = vectors.map(|vectors| rows(&vectors)).unwrap();
            assert!(vectors.iter().all(|row| (cosine(row, row) - 1.0).abs() < 1e-4));
            let found = auc(&pairs(&vectors, &drawn));
            eprintln!("in-world {by:?} at {size_px} px: AUC {found:.3}");
            assert!(found > 0.85, "{found}");
        }
    }
    let broken = evaluators.recognise(Recognition::ArcFace, &[0; 100], 64).unwrap_err();
    assert!(broken.to_string().contains("no whole number"), "{broken}");
    let none = evaluators.recognise(Recognition::ArcFace, &[], 64).unwrap_err();
    assert_eq!(none.to_string(), "there are no frames to measure");
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
    assert!(error < 0.3 * blind, "{error} {blind}");
    let faces = seen.iter().filter(|seen| seen.presence > 0.5).count();
    assert!(faces * 10 >= drawn.len() * 8, "{faces} of {}", drawn.len());
}
