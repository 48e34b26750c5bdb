//! How far a pose estimator is off on unseen people, by pose, and whether it knows a face.

use ffrun_models::rotation::{Euler, geodesic_angle};

use super::{
    Evaluator,
    material::Material,
    measuring,
    validity::{BINS, Rows, anchor, of_bin},
};
use crate::{
    engine::work::StageError,
    stages::{clipset::Clips, scores::Score},
};

/// Geodesic error of frames with a face by person, in all bins of |yaw| and over them; and the
/// share of frames whose presence is told rightly.
pub(super) fn rows(evaluator: &Evaluator, clips: Clips) -> Result<Rows, StageError> {
    let material = Material::new(clips, evaluator.spec.least_visible, |_| true);
    let side = material.clips.size_px;
    let (mut scores, mut poses) = (Vec::new(), Vec::new());
    for pictures in &material.people {
        let pixels: Vec<u8> =
            pictures.iter().flat_map(|picture| material.pixels(picture)).copied().collect();
        let mut errors = vec![Mean::default(); BINS.len() + 1];
        let mut known = Mean::default();
        for (picture, seen) in pictures.iter().zip(measuring::pose(evaluator, &pixels, side)?) {
            known.add(f64::from(u8::from((seen.presence >= 0.5) == picture.present)));
            if !picture.present {
                continue;
            }
            let truth = Euler::from_degrees(picture.pose_deg.map(f64::from)).to_rotation();
            let error = geodesic_angle(&seen.rotation, &truth).to_degrees();
            let yaw = picture.pose_deg[1].abs();
            let bin = BINS.iter().position(|edge| yaw <= *edge);
            [bin, Some(BINS.len())].into_iter().flatten().for_each(|at| errors[at].add(error));
            poses.push(truth);
        }
        let Some(first) = pictures.first() else { continue };
        let identity = Some(material.clips.labels[first.clip].identity.clone());
        let found = errors.iter().enumerate();
        let found = found.map(|(bin, mean)| (of_bin("ruler_pose_error", bin), mean.value()));
        for (metric, value) in found.chain([("presence_accuracy".to_owned(), known.value())]) {
            let identity = identity.clone();
            scores.extend(value.map(|value| Score { metric, identity, value }));
        }
    }
    // A ruler that always says `frontal` errs by the angle of the pose itself.
    let frontal = Euler::default().to_rotation();
    let mut blind = Mean::default();
    for pose in &poses {
        blind.add(geodesic_angle(pose, &frontal).to_degrees());
    }
    let floor = blind.value().map(|value| anchor("always frontal", "ruler_pose_error", value));
    Ok((scores, floor.into_iter().collect()))
}

/// A mean that grows.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}
