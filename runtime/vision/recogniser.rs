//! Whose face it is, as a unit vector.

use candle_core::Device;
use ffrun_models::eval::alignment::{Similarity, template_zoomed, warped};
use ffrun_models::eval::ir101::{self, Ir101};
use ffrun_models::eval::iresnet::{Depth, IResNet};
use ffrun_models::eval::network::ImageNetwork;
use ffrun_models::eval::normalisation::Normalisation;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::resampling::resized_as_cv2;
use ffrun_models::eval::scrfd::Face;
use ffrun_models::params::Params;

use super::card::{Aligned, Input, Order, Role};
use super::error::{VisionError, VisionResult};
use super::found_faces::FoundFaces;
use super::onnx_file::PictureNetwork;
use super::shelf::Installed;
use super::weight_file::load;

/// Tells whose face it is.
pub(super) struct Recogniser {
    installed: Installed,
    input: Input,
    aligned: Aligned,
    network: Form,
}

enum Form {
    Onnx(Box<PictureNetwork>),
    Candle(Box<dyn ImageNetwork + Send>),
}

impl Recogniser {
    /// Reads the file.
    pub(super) fn open(installed: &Installed) -> VisionResult<Self> {
        let card = &installed.card;
        let input = card.wanted_input()?;
        let aligned = input.aligned.ok_or_else(|| VisionError::Card {
            card: format!("`{}`", card.name),
            reason: "it has no table `[input.aligned]`".to_owned(),
        })?;
        let mut params = Params::frozen(&Device::Cpu);
        let network = match card.role {
            Role::RecogniserIresnet50 => boxed(IResNet::new(&mut params, Depth::L50, 0)?),
            Role::RecogniserIresnet100 => boxed(IResNet::new(&mut params, Depth::L100, 0)?),
            Role::RecogniserIr101 => {
                boxed(Ir101::new(&mut params, ir101::Form::CurricularFace, 0)?)
            }
            Role::RecogniserIr101Tface => boxed(Ir101::new(&mut params, ir101::Form::TFace, 0)?),
            _ => {
                let outputs: Vec<&str> = card.output.iter().map(String::as_str).collect();
                let size = [input.side_px; 2];
                let network = PictureNetwork::open(&installed.path, (size, &input), &outputs)?;
                let installed = installed.clone();
                return Ok(Self {
                    installed,
                    input,
                    aligned,
                    network: Form::Onnx(Box::new(network)),
                });
            }
        };
        let mut network = network;
        load(&params, installed, &[])?;
        network.fold()?;
        Ok(Self { installed: installed.clone(), input, aligned, network: Form::Candle(network) })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.installed.card.name
    }

    /// The unit vector of a face.
    pub(super) fn embed(&mut self, found: &FoundFaces, face: &Face) -> VisionResult<Vec<f32>> {
        let Aligned { side_px, zoom, from_padded } = self.aligned;
        let (picture, points) = found.source(face, from_padded);
        let map = Similarity::between(&points, &template_zoomed(side_px, zoom))?;
        let mut crop = warped(picture, &map, side_px)?;
        if side_px != self.input.side_px {
            crop = resized_as_cv2(&crop, [self.input.side_px; 2])?;
        }
        let vector = match &mut self.network {
            Form::Onnx(network) => {
                network.run(&crop)?;
                network.output(0).1.to_vec()
            }
            Form::Candle(network) => embedded(network.as_ref(), &self.input, crop)?,
        };
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return Err(VisionError::OtherNetwork {
                path: self.installed.path.clone(),
                expected: "working recogniser",
                reason: format!("it gives a vector of length {length}; fetch the file again"),
            });
        }
        Ok(vector.into_iter().map(|x| x / length).collect())
    }
}

fn boxed(network: impl ImageNetwork + 'static) -> Box<dyn ImageNetwork + Send> {
    Box::new(network)
}

fn embedded(network: &dyn ImageNetwork, input: &Input, crop: Picture) -> VisionResult<Vec<f32>> {
    let crop = if input.order == Order::Bgr { crop.swapped() } else { crop };
    let of_one = |x: [f32; 3]| x.map(|x| x / 255.0);
    let normalisation =
        Normalisation { mean: of_one(input.mean), deviation: of_one(input.deviation) };
    let batch = normalisation.batch(&[crop], &Device::Cpu)?;
    Ok(network.forward(&batch)?.flatten_all()?.to_vec1()?)
}
