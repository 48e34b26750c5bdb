//! What ConsisID's script prints as "FID": a squared distance of features, frame by frame.

use super::facesim::{faces, mean};
use super::rules::Rules;
use crate::metrics::observation::{ClipSeen, FaceSeen};

/// Mean over frames with a face of ‖features of the face − features of the reference's‖², in the
/// square of the features' unit, lower is better: not a distance of distributions, since the script
/// gives each side one vector, repeated, which has no covariance.
///
/// ConsisID's script gives a clip without a face 0, the best score there is; here it has none.
/// OpenS2V's computes nothing of the kind.
pub fn fid_consisid(clip: &ClipSeen, rules: Rules) -> Option<f64> {
    fid_consisid_with(clip, clip.reference.as_ref()?, rules)
}

/// The same with the face of any reference.
pub fn fid_consisid_with(clip: &ClipSeen, reference: &FaceSeen, rules: Rules) -> Option<f64> {
    let reference = reference.features.as_ref()?;
    let squares = faces(clip).filter_map(|face| {
        let features = face.features.as_ref()?;
        Some(features.iter().zip(reference).map(|(a, b)| f64::from(a - b).powi(2)).sum())
    });
    match rules {
        Rules::Ffrun => mean(squares),
        Rules::ConsisId => Some(mean(squares).unwrap_or(0.0)),
        Rules::OpenS2v => None,
    }
}

#[cfg(test)]
mod tests {
    use super::fid_consisid;
    use crate::metrics::observation::{ClipSeen, FrameSeen};
    use crate::metrics::video::Rules;
    use crate::metrics::video::made_up::face;

    fn clip(features: &[Option<[f32; 2]>]) -> ClipSeen {
        let seen = |of: &Option<[f32; 2]>| FrameSeen {
            face: of.as_ref().map(|of| face(&[], Some(of))),
            ..FrameSeen::default()
        };
        ClipSeen {
            reference: Some(face(&[], Some(&[1.0, 2.0]))),
            frames: features.iter().map(seen).collect(),
            ..ClipSeen::default()
        }
    }

    #[test]
    fn squared_distances_are_averaged_over_frames_with_a_face() {
        let clip = clip(&[Some([1.0, 4.0]), None, Some([2.0, 1.0])]);
        for rules in [Rules::Ffrun, Rules::ConsisId] {
            assert_eq!(fid_consisid(&clip, rules), Some(3.0));
        }
        assert_eq!(fid_consisid(&clip, Rules::OpenS2v), None);
    }

    #[test]
    fn a_clip_without_a_face_is_rewarded_by_the_script_only() {
        let clip = clip(&[None, None]);
        assert_eq!(fid_consisid(&clip, Rules::ConsisId), Some(0.0));
        assert_eq!(fid_consisid(&clip, Rules::Ffrun), None);
    }
}
