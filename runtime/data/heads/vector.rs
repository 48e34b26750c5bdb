//! Vectors of three numbers and the smooth steps that fields are built from.
//!
//! Only +, −, ×, ÷ and √ are used: IEEE 754 rounds them the same way on every machine.

/// A point, a direction or a colour.
pub(crate) type V3 = [f32; 3];

/// a + b.
pub(crate) fn add(a: V3, b: V3) -> V3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// a − b.
pub(crate) fn sub(a: V3, b: V3) -> V3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// s·a.
pub(crate) fn scale(a: V3, s: f32) -> V3 {
    [a[0] * s, a[1] * s, a[2] * s]
}

/// a·b, component by component.
pub(crate) fn times(a: V3, b: V3) -> V3 {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// The scalar product.
pub(crate) fn dot(a: V3, b: V3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The vector product.
pub(crate) fn cross(a: V3, b: V3) -> V3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Length.
pub(crate) fn length(a: V3) -> f32 {
    dot(a, a).sqrt()
}

/// The direction of a; the zero vector stays zero.
pub(crate) fn unit(a: V3) -> V3 {
    scale(a, 1.0 / length(a).max(1e-12))
}

/// From a (t = 0) to b (t = 1).
pub(crate) fn mix(a: V3, b: V3, t: f32) -> V3 {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// From a (t = 0) to b (t = 1).
pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, smooth between. `low > high` gives the falling step.
pub(crate) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Colour bytes of the usual screen space to linear light (gamma 2, so that √ inverts it exactly).
pub(crate) fn linear(srgb: [u8; 3]) -> V3 {
    srgb.map(|byte| (f32::from(byte) / 255.0) * (f32::from(byte) / 255.0))
}

/// Linear light to a byte of the usual screen space.
pub(crate) fn byte(light: f32) -> u8 {
    (light.clamp(0.0, 1.0).sqrt() * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::{byte, cross, linear, smoothstep};

    #[test]
    fn bytes_survive_linear_light() {
        for value in 0..=255u8 {
            assert_eq!(byte(linear([value; 3])[0]), value);
        }
    }

    #[test]
    fn axes_are_right_handed() {
        assert_eq!(cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn steps_rise_and_fall() {
        assert!(smoothstep(0.0, 1.0, 0.7) > 0.7 && smoothstep(1.0, 0.0, 0.7) < 0.3);
    }
}
