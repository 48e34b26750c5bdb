//! From 8-bit pictures to the numbers a network was trained on.

use candle_core::{Device, Result, Tensor, bail};

use super::picture::Picture;

/// (x/255 − mean)/deviation, channel by channel: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Subtracted from values in 0..1.
    pub mean: [f32; 3],
    /// Divides what is left.
    pub deviation: [f32; 3],
}

impl Normalisation {
    /// None: values stay in 0..1. Inception.
    pub const NONE: Self = Self { mean: [0.0; 3], deviation: [1.0; 3] };
    /// To −1..1: (x − 127.5)/127.5, the recognisers.
    pub const CENTRED: Self = Self { mean: [0.5; 3], deviation: [0.5; 3] };
    /// ImageNet's statistics: 6DRepNet.
    pub const IMAGENET: Self =
        Self { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
    /// CLIP's statistics.
    pub const CLIP: Self = Self {
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        deviation: [0.268_629_54, 0.261_302_6, 0.275_777_1],
    };

    /// The normalised pictures as one batch.
    ///
    /// # Shapes
    /// - output: `[B, 3, H, W]`
    ///
    /// # Errors
    /// When there is no picture, or not all are of one size.
    pub fn batch(self, pictures: &[Picture], device: &Device) -> Result<Tensor> {
        let Some([height, width]) = pictures.first().map(Picture::size) else {
            bail!("a batch of no picture")
        };
        let mut values = Vec::with_capacity(pictures.len() * 3 * height * width);
        for picture in pictures {
            if picture.size() != [height, width] {
                bail!("a batch of pictures {height}×{width} and {:?}", picture.size());
            }
            for (channel, (mean, deviation)) in self.mean.iter().zip(self.deviation).enumerate() {
                let shares = picture.values().iter().skip(channel).step_by(3);
                values.extend(shares.map(|&x| (f32::from(x) / 255.0 - mean) / deviation));
            }
        }
        Tensor::from_vec(values, (pictures.len(), 3, height, width), device)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::Normalisation;
    use crate::eval::picture::Picture;

    #[test]
    fn channels_are_split_and_centred() {
        let picture = Picture::new([1, 2], vec![0, 255, 0, 255, 0, 0]).unwrap();
        let one = std::slice::from_ref(&picture);
        let batch = Normalisation::CENTRED.batch(one, &Device::Cpu).unwrap();
        assert_eq!(batch.dims(), [1, 3, 1, 2]);
        let values = batch.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values, [-1., 1., 1., -1., -1., -1.]);
        let taller = Picture::new([2, 1], vec![0; 6]).unwrap();
        assert!(Normalisation::NONE.batch(&[picture, taller], &Device::Cpu).is_err());
    }
}
