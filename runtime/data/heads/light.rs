//! Light on a scene: one key light and the surroundings' soft light.

use ffrun_models::stream::Stream;

use super::pose::sine_cosine;
use super::vector::V3;

/// A lighting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    /// Direction to the key light; x image right, y up, z to the camera.
    pub(crate) direction: V3,
    /// Colour of the key light.
    pub(crate) key: V3,
    /// Soft light from above.
    pub(crate) sky: V3,
    /// Soft light from below.
    pub(crate) ground: V3,
    /// Words for captions.
    pub(crate) words: &'static str,
}

impl Light {
    /// Light from `azimuth_deg` (to image right) and `height_deg` above the camera.
    pub(crate) fn from(azimuth_deg: f32, height_deg: f32, strength: f32) -> Self {
        let [sin_a, cos_a] = sine_cosine(azimuth_deg).map(|x| x as f32);
        let [sin_h, cos_h] = sine_cosine(height_deg).map(|x| x as f32);
        let soft = 0.70 - 0.32 * strength;
        Self {
            direction: [sin_a * cos_h, sin_h, cos_a * cos_h],
            key: [strength; 3],
            sky: [soft; 3],
            ground: [0.62 * soft, 0.58 * soft, 0.55 * soft],
            words: "even light",
        }
    }

    /// A random lighting: bright or dim, warm or cool, from in front or from a side.
    pub(crate) fn draw(stream: &mut Stream) -> Self {
        let azimuth = stream.between(-65.0, 65.0);
        let height = stream.between(5.0, 55.0);
        let mut light = Self::from(azimuth, height, stream.between(0.55, 1.0));
        let warmth = 0.16 * stream.normal().clamp(-1.8, 1.8);
        light.key = tint(light.key, warmth);
        light.sky = tint(light.sky, -0.4 * warmth + 0.05 * stream.normal());
        let dim = stream.between(0.72, 1.12);
        light.key = light.key.map(|c| c * dim);
        light.sky = light.sky.map(|c| c * dim);
        light.words = match () {
            () if dim < 0.82 => "dim light",
            () if warmth > 0.12 => "warm light",
            () if warmth < -0.12 => "cool light",
            () if azimuth.abs() > 45.0 => "light from one side",
            () => "even light",
        };
        light
    }
}

fn tint(colour: V3, warmth: f32) -> V3 {
    [colour[0] * (1.0 + warmth), colour[1], colour[2] * (1.0 - warmth)]
}

#[cfg(test)]
mod tests {
    use super::Light;

    #[test]
    fn light_comes_from_where_it_is_put() {
        let light = Light::from(60.0, 20.0, 0.8);
        assert!(light.direction[0] > 0.7 && light.direction[1] > 0.3 && light.direction[2] > 0.4);
    }
}
