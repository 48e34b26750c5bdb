//! What all image networks of the evaluation share.

use candle_core::{Result, Tensor};

/// Told the name of an inner module, as the published code names it, and that module's output.
pub type Tap<'a> = &'a mut dyn FnMut(&str, &Tensor);

/// A network from images to one vector each, which any thread may hold. BatchNorms use their running
/// statistics.
pub trait ImageNetwork: Send {
    /// The vectors, and on the way every activation that `tap` may want to see.
    ///
    /// # Shapes
    /// - images: `[B, 3, H, W]`, normalised as the network's documentation says
    /// - output: `[B, D]`
    fn forward_tapped(&self, images: &Tensor, tap: Tap) -> Result<Tensor>;

    /// The vectors.
    ///
    /// # Shapes
    /// - images: `[B, 3, H, W]`
    /// - output: `[B, D]`
    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.forward_tapped(images, &mut |_, _| {})
    }

    /// Multiplies BatchNorms into the convolutions before them, for inference. Parameters loaded
    /// later are not seen.
    fn fold(&mut self) -> Result<()>;
}
