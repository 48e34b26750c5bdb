//! Whether a dual encoder finds a frame's caption among those of unseen people.

use candle_core::Tensor;

use super::{
    Evaluator,
    material::{Material, Picture},
    measuring,
    validity::{Rows, anchor},
};
use crate::{
    engine::work::StageError,
    stages::{clipset::Clips, scores::Score, tensor_error},
};

/// Share of a person's clips whose first frame with a face finds its own caption first, among the
/// captions of all clips.
pub(super) fn rows(evaluator: &Evaluator, clips: Clips) -> Result<Rows, StageError> {
    let least = evaluator.spec.least_visible;
    let material =
        Material::new(clips, least, |picture| picture.present && picture.frame.is_some());
    let frames = first_frames(&material);
    let pixels: Vec<u8> =
        frames.iter().flat_map(|picture| material.pixels(picture)).copied().collect();
    let captions: Vec<&str> = frames.iter().map(|picture| material.caption(picture)).collect();
    let side = material.clips.size_px;
    let pictures = measuring::frames_in_text_space(evaluator, &pixels, side)?;
    let texts = measuring::captions_in_space(evaluator, &captions)?;
    let found = ranks(&pictures, &texts, &captions).map_err(tensor_error)?;
    let of_person = |picture: &Picture| material.clips.labels[picture.clip].identity.clone();
    let mut scores: Vec<Score> = Vec::new();
    for (metric, within) in [("caption_top1", 1), ("caption_top5", 5)] {
        let mut people: Vec<(String, u32, u32)> = Vec::new();
        for (picture, rank) in frames.iter().zip(&found) {
            let (person, hit) = (of_person(picture), u32::from(*rank < within));
            match people.last_mut().filter(|(known, ..)| *known == person) {
                Some((_, hits, count)) => (*hits, *count) = (*hits + hit, *count + 1),
                None => people.push((person, hit, 1)),
            }
        }
        scores.extend(people.into_iter().map(|(person, hits, count)| Score {
            metric: metric.to_owned(),
            identity: Some(person),
            value: f64::from(hits) / f64::from(count),
        }));
    }
    let chance = 1.0 / captions.len().max(1) as f64;
    Ok((
        scores,
        vec![
            anchor("chance", "caption_top1", chance),
            anchor("chance", "caption_top5", 5.0 * chance),
        ],
    ))
}

/// The first frame with a face of each clip.
fn first_frames(material: &Material) -> Vec<Picture> {
    let mut frames: Vec<Picture> = Vec::new();
    for picture in material.people.iter().flatten() {
        if frames.last().is_none_or(|last| last.clip != picture.clip) {
            frames.push(*picture);
        }
    }
    frames
}

/// How many other captions fit each picture at least as well as its own. Captions of the same words
/// are no others.
fn ranks(pictures: &Tensor, texts: &Tensor, captions: &[&str]) -> candle_core::Result<Vec<usize>> {
    let cosines = pictures.matmul(&texts.t()?)?.to_vec2::<f32>()?;
    let rank = |(own, row): (usize, &Vec<f32>)| {
        let others = row.iter().zip(captions).filter(|(_, caption)| **caption != captions[own]);
        others.filter(|(cosine, _)| **cosine >= row[own]).count()
    };
    Ok(cosines.iter().enumerate().map(rank).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::ranks;

    #[test]
    fn equal_captions_are_no_rivals() {
        let tensor = |rows: [[f32; 2]; 3]| Tensor::new(&rows, &Device::Cpu).unwrap();
        let pictures = tensor([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]]);
        let texts = tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(ranks(&pictures, &texts, &["a", "a", "b"]).unwrap(), [0, 1, 2]);
    }
}
