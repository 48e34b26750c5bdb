//! Clips as networks might have seen them, for tests.

use crate::metrics::observation::{ClipSeen, FaceSeen, FrameSeen};

/// A face with a vector of the recogniser `r` and features.
pub(super) fn face(vector: &[f32], features: Option<&[f32]>) -> FaceSeen {
    let embeddings = (!vector.is_empty()).then(|| ("r".to_owned(), vector.to_vec()));
    FaceSeen {
        faces: 1,
        embeddings: embeddings.into_iter().collect(),
        features: features.map(<[f32]>::to_vec),
        ..FaceSeen::default()
    }
}

/// A clip whose frames' faces have these cosines with the reference; `None` is a frame without one.
pub(super) fn clip(identity: &str, cosines: &[Option<f32>]) -> ClipSeen {
    let seen = |(frame, cosine): (usize, &Option<f32>)| FrameSeen {
        frame,
        face: cosine.map(|x| face(&[x, (1.0 - x * x).sqrt()], None)),
        ..FrameSeen::default()
    };
    ClipSeen {
        identity: identity.to_owned(),
        reference: Some(face(&[1.0, 0.0], None)),
        frames: cosines.iter().enumerate().map(seen).collect(),
        ..ClipSeen::default()
    }
}
