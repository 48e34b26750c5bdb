//! Whether a clip shows one and the same face from frame to frame.

use super::facesim::{cosine, mean};
use crate::metrics::observation::{ClipSeen, FrameSeen};

/// Mean cosine of the vectors of neighbouring sampled frames that both show a face, by the
/// recogniser of this name; higher is steadier. It says nothing about who is seen, and a still
/// picture scores 1. A frame that was sampled twice is not its own neighbour.
pub fn temporal_consistency(clip: &ClipSeen, recogniser: &str) -> Option<f64> {
    mean(clip.frames.windows(2).filter_map(|pair| {
        let [first, second] = pair else { return None };
        let (first, second) = (first.frame != second.frame).then_some((first, second))?;
        Some(cosine(vector(first, recogniser)?, vector(second, recogniser)?))
    }))
}

fn vector<'a>(frame: &'a FrameSeen, recogniser: &str) -> Option<&'a Vec<f32>> {
    frame.face.as_ref()?.embeddings.get(recogniser)
}

#[cfg(test)]
mod tests {
    use super::temporal_consistency;
    use crate::metrics::video::made_up::clip;

    #[test]
    fn only_neighbours_with_faces_are_compared() {
        let flicker = clip("ann", &[Some(1.0), Some(0.0), None, Some(1.0), Some(1.0)]);
        assert!((temporal_consistency(&flicker, "r").unwrap() - 0.5).abs() < 1e-6);
        assert_eq!(temporal_consistency(&flicker, "another"), None);
        let mut still = clip("ann", &[Some(0.5), Some(0.9)]);
        still.frames[1].frame = 0;
        assert_eq!(temporal_consistency(&still, "r"), None);
    }
}
