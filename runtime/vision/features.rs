//! InceptionV3's description of an aligned face, as ConsisID's "FID" takes it.

use candle_core::Device;
use ffrun_models::eval::alignment::aligned;
use ffrun_models::eval::inception::{Form, Inception};
use ffrun_models::eval::network::ImageNetwork;
use ffrun_models::eval::normalisation::Normalisation;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::resampling::{Filter, resized_as_pil};
use ffrun_models::eval::scrfd::Face;
use ffrun_models::params::Params;

use super::error::VisionResult;
use super::shelf::Installed;
use super::weight_file::load;

/// Side of the aligned face, in pixels.
const FACE_PX: usize = 224;
/// Side of the network's input.
const INPUT_PX: usize = 299;
/// Tensors of the published file that features do not need.
const LEFT: [&str; 2] = ["AuxLogits.", "fc."];

/// Describes faces by 2048 numbers.
pub(super) struct FeatureReader(Inception);

impl FeatureReader {
    /// Reads the file.
    pub(super) fn open(installed: &Installed) -> VisionResult<Self> {
        let mut params = Params::frozen(&Device::Cpu);
        let mut network = Inception::new(&mut params, Form::TorchVision, 0)?;
        load(&params, installed, &LEFT)?;
        network.fold()?;
        Ok(Self(network))
    }

    /// The pooled features of a face, cut from the frame itself. None where its points coincide.
    pub(super) fn features(&self, frame: &Picture, face: &Face) -> VisionResult<Option<Vec<f32>>> {
        let Ok(crop) = aligned(frame, &face.points, FACE_PX) else { return Ok(None) };
        let large = resized_as_pil(&crop, [INPUT_PX; 2], Filter::Bilinear)?;
        let batch = Normalisation::NONE.batch(&[large], &Device::Cpu)?;
        Ok(Some(self.0.forward(&batch)?.flatten_all()?.to_vec1()?))
    }
}
