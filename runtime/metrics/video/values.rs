//! All numbers of a clip and of a method, each under its metric's name.

use serde::{Deserialize, Serialize};

use super::clip_score::clip_score;
use super::face_rate::face_rate;
use super::facesim::facesim;
use super::fid_consisid::fid_consisid;
use super::fid_pooled::{Crops, pooled};
use super::networks::{Networks, of_network};
use super::pose_error::pose_error;
use super::refusal::Refusal;
use super::rules::Rules;
use super::temporal_consistency::temporal_consistency;
use super::turn::turns_as_asked;
use crate::metrics::observation::{ClipSeen, FrameSeen};

/// A number and the metric it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The metric's name with the network's, `facesim_arc@buffalo_l`.
    pub metric: String,
    /// The number, in the metric's unit.
    pub value: f64,
}

/// Every number of a clip that its networks can give. What does not apply, a pose error where no
/// pose was asked or a distance without a face, has no row.
///
/// # Errors
/// When the clip cannot be measured: the reason belongs into its error row.
pub fn of_clip(clip: &ClipSeen, networks: &Networks, rules: Rules) -> Result<Vec<Value>, Refusal> {
    check(clip, rules)?;
    let mut values = Vec::new();
    let mut add = |metric: &str, network: &str, value: Option<f64>| {
        values.extend(value.map(|value| Value { metric: of_network(metric, network), value }));
    };
    for (name, loss) in &networks.recognisers {
        let metric = loss.metric();
        let found = facesim(clip, (name, *loss), rules);
        add(metric, name, found.map(|found| found.clamped));
        add(&format!("{metric}_where_seen"), name, found.and_then(|found| found.where_seen));
        add(&format!("{metric}_raw"), name, found.and_then(|found| found.raw));
        add("temporal_consistency", name, temporal_consistency(clip, name));
    }
    add("face_rate", &networks.detector, face_rate(clip));
    if let Some(name) = &networks.features {
        add("fid_consisid", name, fid_consisid(clip, rules));
    }
    if let Some(name) = &networks.text {
        add("clip_score", name, clip_score(clip, false));
        add("clip_score_bgr", name, clip_score(clip, true));
    }
    if let Some(name) = &networks.pose {
        add("pose_error", name, pose_error(clip));
        add("turns_as_asked", name, turns_as_asked(clip));
    }
    Ok(values)
}

fn check(clip: &ClipSeen, rules: Rules) -> Result<(), Refusal> {
    if clip.frames.is_empty() {
        return Err(Refusal::NoFrames);
    }
    let unread = |frame: &&FrameSeen| frame.unread.is_some();
    let mut broken = clip.frames.iter().filter(unread);
    if let Some(first) = broken.next().filter(|_| !rules.goes_on_with_fewer_frames()) {
        return Err(Refusal::UnreadFrames {
            unread: 1 + broken.count(),
            frames: clip.frames.len(),
            first: first.frame,
            reason: first.unread.clone().unwrap_or_default(),
        });
    }
    clip.reference.as_ref().map(|_| ()).ok_or(Refusal::NoFaceInReference)
}

/// Numbers of all clips of a method together: distances of its face crops from real ones.
///
/// # Errors
/// When there are too few crops, or their features do not go together.
pub fn of_method(made: &Crops, real: &Crops, networks: &Networks) -> Result<Vec<Value>, Refusal> {
    let Some(name) = &networks.features else { return Ok(Vec::new()) };
    let found = pooled(made, real)?;
    let rows = [("fid_pooled", found.frechet), ("kid", found.kid)];
    Ok(rows.map(|(metric, value)| Value { metric: of_network(metric, name), value }).into())
}

#[cfg(test)]
mod tests {
    use super::of_clip;
    use crate::metrics::find;
    use crate::metrics::observation::ClipSeen;
    use crate::metrics::video::made_up::{clip, face};
    use crate::metrics::video::{Loss, Networks, Refusal, Rules};

    fn networks() -> Networks {
        Networks {
            detector: "d".to_owned(),
            recognisers: [("r".to_owned(), Loss::CurricularFace)].into(),
            pose: Some("p".to_owned()),
            features: Some("i".to_owned()),
            text: Some("t".to_owned()),
        }
    }

    fn full() -> ClipSeen {
        let mut full = clip("ann", &[Some(0.5), Some(0.5)]);
        full.asked_deg = vec![[0.0, 0.0, 0.0], [0.0, 40.0, 0.0]];
        full.reference.as_mut().unwrap().features = Some(vec![0.0]);
        for frame in &mut full.frames {
            (frame.clip_score, frame.clip_score_bgr) = (Some(30.0), Some(29.0));
            let face = frame.face.as_mut().unwrap();
            face.features = Some(vec![2.0]);
            face.pitch_yaw_roll_deg = Some([0.0, frame.frame as f64, 0.0]);
        }
        full
    }

    #[test]
    fn every_number_is_a_metric_of_the_catalogue() {
        let values = of_clip(&full(), &networks(), Rules::Ffrun).unwrap();
        let names: Vec<&str> = values.iter().map(|value| value.metric.as_str()).collect();
        let expected = [
            "facesim_cur@r",
            "facesim_cur_where_seen@r",
            "facesim_cur_raw@r",
            "temporal_consistency@r",
            "face_rate@d",
            "fid_consisid@i",
            "clip_score@t",
            "clip_score_bgr@t",
            "pose_error@p",
            "turns_as_asked@p",
        ];
        assert_eq!(names, expected);
        for name in names.into_iter().chain(["fid_pooled@i", "kid@i"]) {
            let metric = find(name).unwrap_or_else(|| panic!("`{name}` is in no catalogue"));
            assert_eq!(metric.name, name);
            assert!(metric.label.ends_with(&format!("({})", &name[name.len() - 1..])));
        }
        assert!(find("psnr@r").is_none() && find("facesim_cur").is_none());
    }

    #[test]
    fn what_the_networks_did_not_see_has_no_row() {
        let bare = Networks { pose: None, features: None, text: None, ..networks() };
        let values = of_clip(&full(), &bare, Rules::Ffrun).unwrap();
        assert_eq!(values.len(), 5);
    }

    #[test]
    fn a_reference_without_a_face_is_refused_with_a_reason() {
        let without = ClipSeen { reference: None, ..full() };
        for rules in Rules::ALL {
            let refusal = of_clip(&without, &networks(), rules).unwrap_err();
            assert_eq!(refusal, Refusal::NoFaceInReference);
        }
        assert!(Refusal::NoFaceInReference.to_string().starts_with("no face was found"));
        let still_seen = ClipSeen { reference: Some(face(&[1.0, 0.0], None)), ..full() };
        assert!(of_clip(&still_seen, &networks(), Rules::Ffrun).is_ok());
    }

    #[test]
    fn unreadable_frames_are_passed_over_in_silence_by_the_scripts_only() {
        let mut broken = full();
        (broken.frames[1].unread, broken.frames[1].face) = (Some("cut off".to_owned()), None);
        let refusal = of_clip(&broken, &networks(), Rules::Ffrun).unwrap_err().to_string();
        assert!(
            refusal.starts_with("1 of 2 sampled frames cannot be read, frame 1 first: cut off")
        );
        assert!(of_clip(&broken, &networks(), Rules::ConsisId).is_ok());
        let empty = ClipSeen { frames: Vec::new(), ..full() };
        assert_eq!(of_clip(&empty, &networks(), Rules::ConsisId), Err(Refusal::NoFrames));
    }
}
