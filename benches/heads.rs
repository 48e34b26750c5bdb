//! Images a second on one core: `cargo bench --bench heads`.

use std::time::Instant;

use ffrun::data::heads::stills;
use ffrun::spec::FacesSpec;

/// Runs of which the fastest counts: other work on the machine can only slow one down.
const RUNS: usize = 5;

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let Ok(pool) = pool else {
        eprintln!("no thread can be started");
        return;
    };
    for size_px in [64, 128] {
        let spec = FacesSpec {
            split: "train".into(),
            identities: 16,
            views: 8,
            size_px,
            world: 1,
            yaw_deg: 75.0,
            yaw_least_deg: 0.0,
            pitch_deg: 30.0,
            roll_deg: 20.0,
            expression: 1.0,
            occlusion: 0.2,
            surroundings: "per_view".into(),
            pose_grid: false,
        };
        let best = (0..RUNS).map(|_| pool.install(|| seconds(&spec))).fold(f64::INFINITY, f64::min);
        let count = spec.identities * spec.views;
        println!("{size_px} px: {:.0} images a second on one core", count as f64 / best);
    }
}

fn seconds(spec: &FacesSpec) -> f64 {
    let start = Instant::now();
    let drawn = stills(spec);
    assert!(drawn.is_ok_and(|faces| faces.stills.len() == spec.identities * spec.views));
    start.elapsed().as_secs_f64()
}
