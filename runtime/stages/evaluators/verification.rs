//! How well a recogniser tells unseen people apart, by pose.

use candle_core::Tensor;

use super::{
    Evaluator,
    material::{Material, Picture},
    measuring,
    public::by_person,
    validity::{BINS, Rows, anchor, of_bin},
};
use crate::{
    engine::work::StageError,
    metrics::{Trials, jackknife::centred_values},
    stages::{clipset::Clips, tensor_error},
};

/// The share of impostor pairs that may be accepted.
const FAR: f64 = 1e-3;

/// AUC and TAR over all pairs of faces that share no clip, so that place, light and clothes say
/// nothing, with an interval over people. A pair belongs to the bin of its more turned face.
pub(super) fn rows(evaluator: &Evaluator, clips: Clips) -> Result<Rows, StageError> {
    let least = evaluator.spec.least_visible;
    let material = Material::new(clips, least, |picture| picture.present);
    let faces: Vec<(usize, Picture)> = material
        .people
        .iter()
        .enumerate()
        .flat_map(|(person, pictures)| pictures.iter().map(move |picture| (person, *picture)))
        .collect();
    let pixels: Vec<u8> =
        faces.iter().flat_map(|(_, picture)| material.pixels(picture)).copied().collect();
    let vectors = measuring::recognise(evaluator, &pixels, material.clips.size_px)?;
    let trials = trials(&faces, &vectors).map_err(tensor_error)?;
    let name = |pictures: &Vec<Picture>| material.clips.labels[pictures[0].clip].identity.as_str();
    let names: Vec<&str> = material.people.iter().map(name).collect();
    let mut scores = Vec::new();
    for (bin, trials) in trials.into_iter().enumerate() {
        let trials = trials.ranked(names.len());
        let auc = centred_values(names.len(), &|without| trials.auc(without));
        let tar = centred_values(names.len(), &|without| trials.tar_at(FAR, without));
        for (metric, values) in [("verification_auc", auc), ("verification_tar", tar)] {
            let values = values.unwrap_or_default();
            scores.extend(by_person(&of_bin(metric, bin), names.iter().copied(), &values));
        }
    }
    let chance = [("verification_auc", 0.5), ("verification_tar", FAR)];
    Ok((scores, chance.map(|(metric, value)| anchor("chance", metric, value)).into()))
}

/// All pairs, one entry a bin, and one of all bins.
fn trials(faces: &[(usize, Picture)], vectors: &Tensor) -> candle_core::Result<Vec<Trials>> {
    let cosines = vectors.matmul(&vectors.t()?)?.to_vec2::<f32>()?;
    let mut bins = vec![Trials::default(); BINS.len() + 1];
    for (i, ((person, first), row)) in faces.iter().zip(&cosines).enumerate() {
        for ((other, second), &cosine) in faces.iter().zip(row).skip(i + 1) {
            let one_clip = first.clip == second.clip;
            if one_clip && first.frame.is_some() && second.frame.is_some() {
                continue;
            }
            let yaw = first.pose_deg[1].abs().max(second.pose_deg[1].abs());
            let bin = BINS.iter().position(|edge| yaw <= *edge);
            for at in [bin, Some(BINS.len())].into_iter().flatten() {
                bins[at].add(cosine, [*person, *other]);
            }
        }
    }
    Ok(bins)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Picture, trials};

    fn face(clip: usize, frame: Option<usize>, yaw: f32) -> Picture {
        Picture { clip, frame, pose_deg: [0.0, yaw, 0.0], present: true }
    }

    #[test]
    fn pairs_within_a_clip_do_not_count_and_bins_go_by_the_more_turned_face() {
        let faces = [
            (0, face(0, Some(0), 10.0)),
            (0, face(0, Some(1), 20.0)),
            (0, face(0, None, 70.0)),
            (1, face(1, None, 0.0)),
        ];
        let vectors = [[1.0_f32, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];
        let found = trials(&faces, &Tensor::new(&vectors, &Device::Cpu).unwrap()).unwrap();
        assert_eq!((found[3].genuine.len(), found[3].impostor.len()), (2, 3));
        assert_eq!((found[0].genuine.len(), found[0].impostor.len()), (0, 2));
        assert_eq!(found[2].genuine, [(0.6, 0), (0.6, 0)]);
        assert_eq!(found[2].impostor, [(0.8, [0, 1])]);
    }
}
