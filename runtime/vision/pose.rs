//! How a head is turned.

use candle_core::Device;
use ffrun_models::eval::network::ImageNetwork;
use ffrun_models::eval::normalisation::Normalisation;
use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::resampling::{Filter, resized_as_cv2, resized_as_pil};
use ffrun_models::eval::scrfd::Face;
use ffrun_models::eval::sixdrepnet::{Form, SixDRepNet};
use ffrun_models::params::Params;
use ffrun_models::rotation::{Euler, rotation_from_6d};

use super::card::{Input, Role};
use super::error::{VisionError, VisionResult};
use super::face_crop::enlarged;
use super::onnx_file::PictureNetwork;
use super::shelf::Installed;
use super::weight_file::load;

/// adas wants its box a tenth wider on each side (Open Model Zoo's demo).
const ADAS_BOX: f32 = 1.2;
/// Angles of adas, in the order yaw, pitch, roll.
const ADAS_OUTPUTS: [&str; 3] = ["angle_y_fc", "angle_p_fc", "angle_r_fc"];
/// The paper's enlargement of the box before 6DRepNet.
const SIXD_BOX: f32 = 1.5;
/// Side of 6DRepNet's input in pixels.
const SIXD_PX: usize = 224;

/// Reads the turn of a head.
pub(super) enum PoseReader {
    /// OpenVINO's network.
    Adas {
        /// It.
        network: Box<PictureNetwork>,
        /// How it wants its pictures.
        input: Input,
    },
    /// 6DRepNet.
    SixD(Box<SixDRepNet>),
}

impl PoseReader {
    /// Reads the file.
    pub(super) fn open(installed: &Installed) -> VisionResult<Self> {
        let form = match installed.card.role {
            Role::PoseAdas => return Self::open_adas(installed),
            Role::Pose6drepnetTrain => Form::Train,
            _ => Form::Deploy,
        };
        let mut params = Params::frozen(&Device::Cpu);
        let mut network = SixDRepNet::new(&mut params, form, 0)?;
        load(&params, installed, &[])?;
        network.fold()?;
        Ok(Self::SixD(Box::new(network)))
    }

    fn open_adas(installed: &Installed) -> VisionResult<Self> {
        let input = installed.card.wanted_input()?;
        let size = [input.side_px; 2];
        let network = PictureNetwork::open(&installed.path, (size, &input), &ADAS_OUTPUTS)?;
        if (0..ADAS_OUTPUTS.len()).any(|at| network.output(at).1.len() != 1) {
            return Err(VisionError::OtherNetwork {
                path: installed.path.clone(),
                expected: "network of three angles",
                reason: format!("{} are not single numbers", ADAS_OUTPUTS.join(", ")),
            });
        }
        Ok(Self::Adas { network: Box::new(network), input })
    }

    /// Pitch, yaw and roll in degrees; none for a box that lies outside the frame.
    pub(super) fn angles(
        &mut self,
        frame: &Picture,
        face: &Face,
    ) -> VisionResult<Option<[f64; 3]>> {
        let factor = if matches!(self, Self::Adas { .. }) { ADAS_BOX } else { SIXD_BOX };
        let Some(head) = enlarged(frame, face.edges, factor)? else { return Ok(None) };
        let angles = match self {
            Self::Adas { network, input } => {
                network.run(&resized_as_cv2(&head, [input.side_px; 2])?)?;
                let angle = |at: usize| f64::from(network.output(at).1[0]);
                Euler::from_adas(Euler::from_degrees([angle(1), angle(0), angle(2)]))
            }
            Self::SixD(network) => {
                let size = head.with_short_side(SIXD_PX);
                let head = resized_as_pil(&head, size, Filter::Bilinear)?.centre(SIXD_PX)?;
                let batch = Normalisation::IMAGENET.batch(&[head], &Device::Cpu)?;
                let vector = network.forward(&batch)?.flatten_all()?.to_vec1::<f32>()?;
                let six = std::array::from_fn(|at| f64::from(vector[at]));
                Euler::from_300w_lp(Euler::from_rotation(&rotation_from_6d(six)))
            }
        };
        Ok(Some(angles.to_degrees()))
    }
}
