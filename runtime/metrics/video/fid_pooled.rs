//! The Fréchet distance that "FID" promises: between all faces of a method and real ones.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use ffrun_models::eval::frechet::{Moments, Subsets, frechet_distance, kernel_distance};
use ffrun_reports::rows::{Observation, Results};
use ffrun_reports::stats::Frame;

use super::facesim::faces;
use super::refusal::Refusal;
use crate::metrics::observation::{ClipSeen, FaceSeen};

/// The usual hundred subsets of KID, of as many crops as there are, up to a hundred.
const SUBSETS: (usize, usize) = (100, 100);

/// Features of face crops, by the person that they should show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crops(BTreeMap<String, Vec<Vec<f32>>>);

impl Crops {
    /// Of the frames of clips.
    pub fn of_frames(clips: &[ClipSeen]) -> Self {
        Self::of(clips, |clip| faces(clip).filter_map(features).collect())
    }

    /// Of the references of clips, each once.
    pub fn of_references(clips: &[ClipSeen]) -> Self {
        let mut crops = Self::of(clips, |clip| {
            clip.reference.as_ref().and_then(features).into_iter().collect()
        });
        for own in crops.0.values_mut() {
            let mut once: Vec<Vec<f32>> = Vec::new();
            for crop in own.drain(..) {
                if !once.contains(&crop) {
                    once.push(crop);
                }
            }
            *own = once;
        }
        crops
    }

    fn of(clips: &[ClipSeen], crops: impl Fn(&ClipSeen) -> Vec<Vec<f32>>) -> Self {
        let mut people: BTreeMap<String, Vec<Vec<f32>>> = BTreeMap::new();
        for clip in clips {
            people.entry(clip.identity.clone()).or_default().extend(crops(clip));
        }
        Self(people)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn without(&self, identity: Option<&str>) -> Result<Tensor, candle_core::Error> {
        let rows = self.0.iter().filter(|(own, _)| Some(own.as_str()) != identity);
        let rows: Vec<&Vec<f32>> = rows.flat_map(|(_, rows)| rows).collect();
        let width = rows.first().map_or(0, |row| row.len());
        if rows.iter().any(|row| row.len() != width) {
            candle_core::bail!("features of different lengths");
        }
        let values: Vec<f32> = rows.iter().flat_map(|row| row.iter().copied()).collect();
        Tensor::from_vec(values, (rows.len(), width), &Device::Cpu)
    }
}

fn features(face: &FaceSeen) -> Option<Vec<f32>> {
    face.features.clone()
}

/// Distances of two sets of face crops, lower is closer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pooled {
    /// Fréchet distance in the symmetric form, in the square of the features' unit. It grows as
    /// crops get fewer: compare sets of one size only.
    pub frechet: f64,
    /// Kernel distance, without bias by the number of crops; may fall below 0.
    pub kid: f64,
    /// Its standard deviation over subsets.
    pub kid_spread: f64,
    /// Crops of the method.
    pub made: usize,
    /// Crops they are compared with.
    pub real: usize,
}

/// Distances of the crops of a method from real ones.
pub fn pooled(made: &Crops, real: &Crops) -> Result<Pooled, Refusal> {
    let counts = (made.len(), real.len());
    if counts.0.min(counts.1) < 2 {
        return Err(Refusal::TooFewCrops { made: counts.0, real: counts.1 });
    }
    let distances = || -> candle_core::Result<Pooled> {
        let (a, b) = (made.without(None)?, real.without(None)?);
        let size = counts.0.min(counts.1).min(SUBSETS.1);
        let subsets = Subsets { count: SUBSETS.0, size, seed: 0 };
        let (kid, kid_spread) = kernel_distance(&a, &b, subsets)?;
        let frechet = frechet_distance(&Moments::of(&a)?, &Moments::of(&b)?)?;
        Ok(Pooled { frechet, kid, kid_spread, made: counts.0, real: counts.1 })
    };
    distances().map_err(|error| Refusal::Features(error.to_string()))
}

/// 95 % interval of the Fréchet distance for new people, by leaving out one after another (the
/// jackknife: resampling with repetition would count the repetitions as likeness). As many
/// distances are computed as there are people. `None` with fewer than three.
pub fn frechet_interval(made: &Crops, real: &Crops) -> Result<Option<(f64, f64)>, Refusal> {
    let people: Vec<&String> = made.0.keys().collect();
    if people.len() < 3 {
        return Ok(None);
    }
    let without = |identity: Option<&str>| -> candle_core::Result<f64> {
        let sets = (Moments::of(&made.without(identity)?)?, Moments::of(&real.without(identity)?)?);
        frechet_distance(&sets.0, &sets.1)
    };
    let interval = || -> candle_core::Result<Option<(f64, f64)>> {
        let (count, whole) = (people.len() as f64, without(None)?);
        // Tukey's pseudo-values behave like independent numbers of people, with this mean.
        let pseudo = people.iter().map(|identity| {
            let value = count * whole - (count - 1.0) * without(Some(identity))?;
            Ok(Observation {
                settings: BTreeMap::new(),
                seed: 0,
                metric: "fid_pooled".to_owned(),
                identity: Some((*identity).clone()),
                value,
            })
        });
        let observations = pseudo.collect::<candle_core::Result<_>>()?;
        let results = Results { observations, ..Results::default() };
        let found = Frame::new(&results).estimate("fid_pooled", &BTreeMap::new());
        // The width is the jackknife's; its centre would be another estimate than what is printed.
        Ok(found.map(|found| (whole + found.low - found.mean, whole + found.high - found.mean)))
    };
    interval().map_err(|error| Refusal::Features(error.to_string()))
}

#[cfg(test)]
mod tests {
    use ffrun_models::stream::Stream;

    use super::{Crops, frechet_interval, pooled};
    use crate::metrics::observation::{ClipSeen, FrameSeen};
    use crate::metrics::video::Refusal;
    use crate::metrics::video::made_up::face;

    /// Clips of eight people whose faces' features are drawn about a mean.
    fn clips(mean: f32, seed: u64) -> Vec<ClipSeen> {
        let mut stream = Stream::new(seed, "test/crops", 0);
        let mut crop = || face(&[], Some(&[0; 4].map(|_| mean + stream.normal())));
        (0..16)
            .map(|at| ClipSeen {
                identity: format!("p{}", at % 8),
                reference: Some(crop()),
                frames: (0..10)
                    .map(|frame| FrameSeen { frame, face: Some(crop()), ..FrameSeen::default() })
                    .collect(),
                ..ClipSeen::default()
            })
            .collect()
    }

    #[test]
    fn shifted_features_are_far_and_equal_ones_near() {
        let (a, b, far) = (clips(0.0, 1), clips(0.0, 2), clips(1.0, 3));
        let [a, b, far] = [a, b, far].map(|clips| Crops::of_frames(&clips));
        let (near, other) = (pooled(&a, &b).unwrap(), pooled(&a, &far).unwrap());
        assert!(near.frechet < 0.3 && other.frechet > 3.0, "{near:?} {other:?}");
        assert!(near.kid.abs() < 0.1 && other.kid > 1.0, "{near:?} {other:?}");
        assert_eq!((near.made, near.real), (160, 160));
        assert!(pooled(&a, &a).unwrap().frechet.abs() < 1e-9);
        let (low, high) = frechet_interval(&a, &far).unwrap().unwrap();
        assert!(low < other.frechet && other.frechet < high && high - low < 4.0, "{low} {high}");
    }

    #[test]
    fn a_reference_used_by_many_clips_is_one_crop() {
        let mut clips = clips(0.0, 1);
        for clip in &mut clips {
            clip.reference = Some(face(&[], Some(&[1.0, 2.0, 3.0, 4.0])));
        }
        assert_eq!(Crops::of_references(&clips).len(), 8, "one a person");
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let (crops, none) = (Crops::of_frames(&clips(0.0, 1)), Crops::default());
        let refusal = pooled(&crops, &none).unwrap_err();
        assert_eq!(refusal, Refusal::TooFewCrops { made: 160, real: 0 });
        let mut mixed = clips(0.0, 2);
        mixed[3].frames[2].face = Some(face(&[], Some(&[1.0])));
        assert!(matches!(pooled(&crops, &Crops::of_frames(&mixed)), Err(Refusal::Features(_))));
        assert_eq!(frechet_interval(&none, &none), Ok(None));
    }
}
