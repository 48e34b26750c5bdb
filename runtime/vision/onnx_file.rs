//! An ONNX file, ready to run on pictures of one size.

use std::path::Path;

use ffrun_models::eval::picture::Picture;
use ffrun_models::onnx::{Feed, Graph, Network};

use super::card::{Input, Order};
use super::error::{VisionError, VisionResult};

/// A network for pictures, with the buffer that feeds it.
pub(super) struct PictureNetwork {
    network: Network,
    size: [usize; 2],
    /// What each value of each channel becomes, in the order of the network.
    tables: [[f32; 256]; 3],
    /// Which channel of a pixel comes first.
    order: Order,
    feed: Vec<f32>,
}

impl PictureNetwork {
    /// Reads a file for pictures of `size` (height, width). `outputs` names those that are read;
    /// all of them where it is empty.
    pub(super) fn open(
        path: &Path,
        (size, input): ([usize; 2], &Input),
        outputs: &[&str],
    ) -> VisionResult<Self> {
        let unreadable = |source| VisionError::Unreadable { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let graph = Graph::parse(bytes, path)?;
        let network = Network::for_pictures(&graph, size, outputs)?;
        let table = |channel: usize| {
            let (mean, deviation) = (input.mean[channel], input.deviation[channel]);
            std::array::from_fn(|value| (value as f32 - mean) / deviation)
        };
        let feed = vec![0.0; size[0] * size[1] * 3];
        Ok(Self { network, size, tables: [0, 1, 2].map(table), order: input.order, feed })
    }

    /// Height and width of the pictures it takes.
    pub(super) fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Runs on a picture of that size.
    pub(super) fn run(&mut self, picture: &Picture) -> VisionResult<()> {
        let [red, green, blue] = &self.tables;
        let pixels = self.feed.chunks_exact_mut(3).zip(picture.values().chunks_exact(3));
        match self.order {
            Order::Rgb => {
                for (target, pixel) in pixels {
                    target[0] = red[usize::from(pixel[0])];
                    target[1] = green[usize::from(pixel[1])];
                    target[2] = blue[usize::from(pixel[2])];
                }
            }
            // Tables are in the order of the network: the first is blue's.
            Order::Bgr => {
                for (target, pixel) in pixels {
                    target[0] = red[usize::from(pixel[2])];
                    target[1] = green[usize::from(pixel[1])];
                    target[2] = blue[usize::from(pixel[0])];
                }
            }
        }
        Ok(self.network.run(Feed::ChannelsLast(&self.feed))?)
    }

    /// The shape of an output and its values, row by row.
    pub(super) fn output(&self, at: usize) -> (&[usize], &[f32]) {
        self.network.output(at)
    }

    /// Names of the outputs.
    pub(super) fn outputs(&self) -> &[String] {
        self.network.outputs()
    }
}
