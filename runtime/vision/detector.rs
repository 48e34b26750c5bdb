//! Finds faces with a detector's ONNX file: SCRFD or YuNet.

use std::path::PathBuf;

use ffrun_models::eval::picture::Picture;
use ffrun_models::eval::scrfd::{self, Face, ScaleValues, Thresholds, fitted};

use super::card::Role;
use super::error::{VisionError, VisionResult};
use super::onnx_file::PictureNetwork;
use super::options::Options;
use super::shelf::Installed;
use super::yunet;

/// Finds faces.
pub(super) struct Detector {
    path: PathBuf,
    network: PictureNetwork,
    layout: Layout,
    thresholds: Thresholds,
}

/// Which outputs hold what, at strides 8, 16 and 32.
enum Layout {
    /// Scores, distances, points.
    Scrfd([[usize; 3]; 3]),
    /// Class, object, box, points.
    Yunet([[usize; 4]; 3]),
}

impl Detector {
    /// Reads the file for frames fitted into the options' square.
    pub(super) fn open(installed: &Installed, options: &Options) -> VisionResult<Self> {
        let Installed { card, path, .. } = installed;
        let size = [options.detection_px; 2];
        let input = card.wanted_input()?;
        let mut network = PictureNetwork::open(path, (size, &input), &[])?;
        let other = |expected, reason: String| VisionError::OtherNetwork {
            path: path.clone(),
            expected,
            reason,
        };
        // A first run tells whether the outputs have the sizes of such a network.
        network.run(&Picture::new(size, vec![0; size[0] * size[1] * 3])?)?;
        let layout = if card.role == Role::DetectorYunet {
            Layout::Yunet(yunet::layout(&network).map_err(|reason| other("YuNet", reason))?)
        } else {
            let reason = |reason| other("SCRFD with five points", reason);
            Layout::Scrfd(scrfd_layout(&network).map_err(reason)?)
        };
        let thresholds = Thresholds { score: options.threshold, overlap: options.overlap };
        Ok(Self { path: path.clone(), network, layout, thresholds })
    }

    /// The faces of a picture, the surest first. A picture so long that nothing is left of its
    /// short side has none.
    pub(super) fn find(&mut self, picture: &Picture) -> VisionResult<Vec<Face>> {
        let size = self.network.size();
        let Some((small, scale)) = fitted(picture, size)? else { return Ok(vec![]) };
        self.network.run(&small)?;
        let values = |at: usize| self.network.output(at).1;
        let faces = match &self.layout {
            Layout::Scrfd(scales) => {
                let scales = scales.map(|[scores, distances, offsets]| ScaleValues {
                    scores: values(scores),
                    distances: values(distances),
                    offsets: values(offsets),
                });
                scrfd::faces_of(&scales, (size, scale), self.thresholds)?
            }
            Layout::Yunet(scales) => {
                let scales = scales.map(|outputs| outputs.map(values));
                yunet::faces(&scales, (size, scale), self.thresholds)
            }
        };
        // Boxes that are no numbers come of files that are damaged in their weights.
        if faces.iter().all(|face| face.edges.iter().all(|edge| edge.is_finite())) {
            return Ok(faces);
        }
        Err(VisionError::OtherNetwork {
            path: self.path.clone(),
            expected: "working detector",
            reason: "it gives boxes that are not finite; fetch the file again".to_owned(),
        })
    }
}

/// SCRFD's nine outputs are told by their sizes: insightface's files name them by numbers.
fn scrfd_layout(network: &PictureNetwork) -> Result<[[usize; 3]; 3], String> {
    let [height, width] = network.size();
    let mut layout = [[0; 3]; 3];
    for (places, stride) in layout.iter_mut().zip(scrfd::STRIDES) {
        let anchors = (height / stride) * (width / stride) * scrfd::ANCHORS;
        for (place, columns) in places.iter_mut().zip([1, 4, 10]) {
            let mut fits = (0..network.outputs().len()).filter(|&at| {
                let (dims, values) = network.output(at);
                dims.last() == Some(&columns) && values.len() == anchors * columns
            });
            *place = fits.next().ok_or_else(|| {
                format!("no output holds {anchors} rows of {columns} for stride {stride}")
            })?;
        }
    }
    Ok(layout)
}
