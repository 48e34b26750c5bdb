//! FaceSim: how much the faces of a clip look like the reference's, by a recogniser.

use super::networks::Loss;
use super::rules::Rules;
use crate::metrics::observation::{ClipSeen, FaceSeen};

/// A clip's FaceSim, no unit, higher is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceSim {
    /// Cosines clamped at 0, mean over frames with a face; 0 without one, as in the paper's table.
    pub clamped: f64,
    /// The same, where there is a frame with a face.
    pub where_seen: Option<f64>,
    /// Mean cosine, as it is.
    pub raw: Option<f64>,
}

/// FaceSim of a clip by the recogniser of this name; `None` where it did not see the reference.
///
/// OpenS2V's script drops zeros, of CurricularFace only: its other test compares the list.
pub fn facesim(clip: &ClipSeen, recogniser: (&str, Loss), rules: Rules) -> Option<FaceSim> {
    facesim_with(clip, clip.reference.as_ref()?, recogniser, rules)
}

/// The same with the face of any reference.
pub fn facesim_with(
    clip: &ClipSeen,
    reference: &FaceSeen,
    (recogniser, loss): (&str, Loss),
    rules: Rules,
) -> Option<FaceSim> {
    let reference = reference.embeddings.get(recogniser)?;
    let cosines: Vec<f64> = faces(clip)
        .filter_map(|face| Some(cosine(face.embeddings.get(recogniser)?, reference)))
        .collect();
    let drops_zeros = rules == Rules::OpenS2v && loss == Loss::CurricularFace;
    let clamped = cosines.iter().map(|cosine| cosine.max(0.0));
    let where_seen = mean(clamped.filter(|cosine| !drops_zeros || *cosine > 0.0));
    Some(FaceSim {
        clamped: where_seen.unwrap_or(0.0),
        where_seen,
        raw: mean(cosines.iter().copied()),
    })
}

/// The faces of a clip's frames.
pub(super) fn faces(clip: &ClipSeen) -> impl Iterator<Item = &FaceSeen> {
    clip.frames.iter().filter_map(|frame| frame.face.as_ref())
}

/// Cosine of two vectors of any length above 0.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    // A vector of zeros is like nothing.
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::{FaceSim, facesim};
    use crate::metrics::video::made_up::{clip, face};
    use crate::metrics::video::{Loss, Rules};

    fn sim(cosines: &[Option<f32>], loss: Loss, rules: Rules) -> FaceSim {
        facesim(&clip("ann", cosines), ("r", loss), rules).unwrap()
    }

    #[test]
    fn frames_without_a_face_are_skipped_by_all_rules() {
        for rules in Rules::ALL {
            let found = sim(&[Some(0.6), None, Some(0.8)], Loss::ArcFace, rules);
            assert!((found.clamped - 0.7).abs() < 1e-6 && found.where_seen == Some(found.clamped));
        }
    }

    #[test]
    fn a_clip_without_any_face_scores_zero_and_is_left_out_of_the_other_mode() {
        for rules in Rules::ALL {
            let found = sim(&[None, None], Loss::CurricularFace, rules);
            assert_eq!(found, FaceSim { clamped: 0.0, where_seen: None, raw: None });
        }
    }

    #[test]
    fn negative_cosines_are_clamped_and_kept_raw() {
        for rules in [Rules::Ffrun, Rules::ConsisId] {
            for loss in [Loss::ArcFace, Loss::CurricularFace] {
                let found = sim(&[Some(-0.5), Some(0.5)], loss, rules);
                assert!((found.clamped - 0.25).abs() < 1e-6, "{found:?}");
                assert!(found.raw.unwrap().abs() < 1e-6, "{found:?}");
            }
        }
    }

    #[test]
    fn opens2v_drops_zeros_of_curricularface_only() {
        let cosines = [Some(-0.5), Some(0.5)];
        let cur = sim(&cosines, Loss::CurricularFace, Rules::OpenS2v);
        assert!((cur.clamped - 0.5).abs() < 1e-6, "{cur:?}");
        let arc = sim(&cosines, Loss::ArcFace, Rules::OpenS2v);
        assert!((arc.clamped - 0.25).abs() < 1e-6, "{arc:?}");
        // Nothing is left: 0, as of a clip without a face.
        let none = sim(&[Some(-0.5)], Loss::CurricularFace, Rules::OpenS2v);
        assert_eq!(none.clamped, 0.0);
    }

    #[test]
    fn a_recogniser_that_did_not_see_the_reference_says_nothing() {
        let mut unseen = clip("ann", &[Some(1.0)]);
        unseen.reference = Some(face(&[], None));
        assert_eq!(facesim(&unseen, ("r", Loss::ArcFace), Rules::Ffrun), None);
    }
}
