//! How often a clip shows a face at all: what every other number should be read beside.

use super::facesim::mean;
use crate::metrics::observation::ClipSeen;

/// Share of sampled frames with a face, higher is better. Unreadable frames do not count.
pub fn face_rate(clip: &ClipSeen) -> Option<f64> {
    let read = clip.frames.iter().filter(|frame| frame.unread.is_none());
    mean(read.map(|frame| f64::from(u8::from(frame.face.is_some()))))
}

#[cfg(test)]
mod tests {
    use super::face_rate;
    use crate::metrics::observation::ClipSeen;
    use crate::metrics::video::made_up::clip;

    #[test]
    fn frames_without_a_face_lower_it_and_unreadable_ones_do_not() {
        let mut some = clip("ann", &[Some(0.1), None, Some(-0.1), None]);
        assert_eq!(face_rate(&some), Some(0.5));
        some.frames[1].unread = Some("cut off".to_owned());
        assert_eq!(face_rate(&some), Some(2.0 / 3.0));
        assert_eq!(face_rate(&ClipSeen::default()), None);
    }
}
