//! CLIPScore of a clip: how well its frames fit the prompt.

use super::facesim::mean;
use crate::metrics::observation::{ClipSeen, FrameSeen};

/// Mean of 100·cos over the frames that are compared with the prompt, higher is better; with
/// `bgr_compat` of frames whose red and blue are exchanged, as ConsisID's script feeds them.
pub fn clip_score(clip: &ClipSeen, bgr_compat: bool) -> Option<f64> {
    let frames = if clip.text_frames.is_empty() { &clip.frames } else { &clip.text_frames };
    let of = |frame: &FrameSeen| if bgr_compat { frame.clip_score_bgr } else { frame.clip_score };
    mean(frames.iter().filter_map(of))
}

#[cfg(test)]
mod tests {
    use super::clip_score;
    use crate::metrics::observation::{ClipSeen, FrameSeen};

    fn frame(rgb: f64, bgr: f64) -> FrameSeen {
        FrameSeen { clip_score: Some(rgb), clip_score_bgr: Some(bgr), ..FrameSeen::default() }
    }

    #[test]
    fn colours_and_frames_are_those_asked_for() {
        let mut clip =
            ClipSeen { frames: vec![frame(30.0, 28.0), frame(32.0, 29.0)], ..ClipSeen::default() };
        assert_eq!(clip_score(&clip, false), Some(31.0));
        assert_eq!(clip_score(&clip, true), Some(28.5));
        clip.text_frames = vec![frame(20.0, 10.0)];
        assert_eq!(clip_score(&clip, false), Some(20.0));
        assert_eq!(clip_score(&ClipSeen::default(), false), None);
    }
}
