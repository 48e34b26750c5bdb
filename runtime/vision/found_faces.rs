//! The faces of one frame and the pictures they are cut from.

use ffrun_models::eval::alignment::FivePoints;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::scrfd::Face;

use super::padding::Padded;

/// The faces of one frame, in its pixels.
pub(super) struct FoundFaces<'a> {
    /// The frame.
    pub(super) frame: &'a Picture,
    /// The surest first.
    pub(super) faces: Vec<Face>,
    /// The frame with its border, if the faces were found only there.
    pub(super) padded: Option<Padded>,
}

impl FoundFaces<'_> {
    /// The picture to cut a face from and its points there.
    pub(super) fn source(&self, face: &Face, from_padded: bool) -> (&Picture, FivePoints) {
        match &self.padded {
            Some(padded) if from_padded => (&padded.picture, padded.in_picture(face.points)),
            _ => (self.frame, face.points),
        }
    }
}
