//! Embeddings of a face's Euler angles, added to each of its tokens (paper §3.3).

use std::str::FromStr;

use candle_core::{Device, Result, Tensor, bail};

use crate::error::{ModelError, ModelResult};
use crate::linear::Linear;
use crate::ops;
use crate::params::{Group, Params};
use crate::rotation::{Euler, rotation_to_6d};
use crate::sinusoid::Sinusoid;
use crate::stream::Stream;

/// How three angles become features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EulerKind {
    /// The paper's: each angle in degrees as a diffusion timestep (256 features, [cos | sin]),
    /// through one MLP that the three angles share, summed. Not periodic: ±180° are far apart.
    Timestep,
    /// cos kθ and sin kθ, k = 1..=K, of the three angles: truly periodic.
    Fourier {
        /// Harmonics K per angle.
        harmonics: usize,
    },
    /// The first two columns of the rotation matrix: continuous everywhere.
    Rot6d,
    /// Nothing is added.
    None,
}

impl FromStr for EulerKind {
    type Err = ModelError;

    /// `timestep`, `fourier` (8 harmonics), `rot6d` or `none`.
    fn from_str(name: &str) -> ModelResult<Self> {
        const KNOWN: &[&str] = &["timestep", "fourier", "rot6d", "none"];
        match name {
            "timestep" => Ok(Self::Timestep),
            "fourier" => Ok(Self::Fourier { harmonics: 8 }),
            "rot6d" => Ok(Self::Rot6d),
            "none" => Ok(Self::None),
            _ => Err(ModelError::UnknownName {
                kind: "Euler embedding",
                name: name.to_owned(),
                known: KNOWN,
            }),
        }
    }
}

/// Embeds (pitch, yaw, roll) into the token width.
#[derive(Clone, Debug)]
pub struct EulerEmbedding {
    kind: EulerKind,
    mlp: Option<Mlp>,
}

impl EulerEmbedding {
    /// Declares `<name>.…` for tokens of `width`; nothing for [`EulerKind::None`].
    pub fn new(
        kind: EulerKind,
        params: &mut Params,
        (name, width): (&str, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let features = kind.features();
        if features == 0 && kind != EulerKind::None {
            let expected = "must be at least 1".to_owned();
            return Err(ModelError::BadSetting { setting: "harmonics", got: "0".into(), expected });
        }
        let mlp = match kind {
            EulerKind::None => None,
            EulerKind::Timestep => Some(Mlp::per_axis(params, name, (features, width), seed)?),
            EulerKind::Fourier { .. } | EulerKind::Rot6d => {
                Some(Mlp::new(params, name, (features, width), seed)?)
            }
        };
        Ok(Self { kind, mlp })
    }

    /// One vector per face, or `None` for [`EulerKind::None`].
    ///
    /// # Shapes
    /// - eulers_b3: `[B, 3]`, radians, order pitch, yaw, roll
    /// - output: `[B, D]`
    pub fn forward(&self, eulers_b3: &Tensor) -> Result<Option<Tensor>> {
        let Some(mlp) = &self.mlp else { return Ok(None) };
        let features = self.kind.encode(eulers_b3)?;
        Ok(Some(ops::token_sum(&mlp.forward(&features)?)?))
    }
}

impl EulerKind {
    /// Features per row that the MLP sees.
    fn features(self) -> usize {
        match self {
            Self::Timestep => TIMESTEP.dim,
            Self::Fourier { harmonics } => 6 * harmonics,
            Self::Rot6d => 6,
            Self::None => 0,
        }
    }

    /// `[B, 3]` radians to `[B, rows, features]`: three rows for `timestep`, else one. Computed on
    /// the host in f64; angles are data, so no gradient is lost.
    fn encode(self, eulers_b3: &Tensor) -> Result<Tensor> {
        let Ok((faces, 3)) = eulers_b3.dims2() else {
            bail!("expected Euler angles [B, 3], found {:?}", eulers_b3.shape());
        };
        let angles = eulers_b3.to_device(&Device::Cpu)?.to_dtype(candle_core::DType::F64)?;
        let values: Vec<f32> =
            angles.to_vec2::<f64>()?.iter().flat_map(|angles| self.encode_face(angles)).collect();
        let rows = if self == Self::Timestep { 3 } else { 1 };
        Tensor::from_vec(values, (faces, rows, self.features()), eulers_b3.device())
    }

    fn encode_face(self, angles: &[f64]) -> Vec<f32> {
        match self {
            Self::Timestep => {
                angles.iter().flat_map(|angle| TIMESTEP.embed(angle.to_degrees())).collect()
            }
            Self::Fourier { harmonics } => angles
                .iter()
                .flat_map(|angle| (1..=harmonics).map(move |k| (k as f64 * angle).sin_cos()))
                .flat_map(|(sin, cos)| [cos as f32, sin as f32])
                .collect(),
            Self::Rot6d => {
                let euler = Euler { pitch: angles[0], yaw: angles[1], roll: angles[2] };
                rotation_to_6d(&euler.to_rotation()).map(|value| value as f32).to_vec()
            }
            Self::None => vec![],
        }
    }
}

/// Wan's timestep features: 256, [cos | sin], base 10000.
const TIMESTEP: Sinusoid = Sinusoid { dim: 256, cos_first: true, shift: 0.0, scale: 1.0 };

/// Linear → SiLU → linear.
#[derive(Clone, Debug)]
struct Mlp {
    first: Linear,
    /// Added to the first layer's output, one row per angle. Without it the sum over a shared MLP
    /// could not tell pitch 10°, yaw 20° from pitch 20°, yaw 10°.
    axis_3d: Option<Tensor>,
    second: Linear,
}

impl Mlp {
    fn new(
        params: &mut Params,
        name: &str,
        (features, width): (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        let first = Linear::new(params, &format!("{name}.0"), (features, width), seed)?;
        let second = Linear::new(params, &format!("{name}.2"), (width, width), seed)?;
        Ok(Self { first, axis_3d: None, second })
    }

    fn per_axis(
        params: &mut Params,
        name: &str,
        sizes: (usize, usize),
        seed: u64,
    ) -> ModelResult<Self> {
        const STD: f32 = 0.5; // comparable to the first layer's output, so axes differ from step 0
        let mlp = Self::new(params, name, sizes, seed)?;
        let axis = format!("{name}.axis");
        let init = Stream::new(seed, &format!("init/{axis}"), 0).normal_tensor(
            (3, sizes.1),
            STD,
            params.device(),
        )?;
        Ok(Self { axis_3d: Some(params.add(&axis, &init, Group::NoDecay)?), ..mlp })
    }

    fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let hidden = self.first.forward(features)?;
        let hidden = match &self.axis_3d {
            Some(axis_3d) => hidden.broadcast_add(axis_3d)?,
            None => hidden,
        };
        self.second.forward(&ops::silu(&hidden)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{EulerEmbedding, EulerKind};
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::Params;
    use candle_core::{Device, Tensor};
    use std::f32::consts::PI;

    fn distance(kind: EulerKind, a: [f32; 3], b: [f32; 3]) -> f32 {
        let mut params = Params::new(&Device::Cpu);
        let embedding = EulerEmbedding::new(kind, &mut params, ("euler", 16), 1).unwrap();
        let both = Tensor::new(&[a, b], &Device::Cpu).unwrap();
        let both = embedding.forward(&both).unwrap().unwrap().to_vec2::<f32>().unwrap();
        both[0].iter().zip(&both[1]).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    #[test]
    fn gradients_of_every_parameter_match_finite_differences() {
        let angles = Tensor::new(&[[0.1f32, -0.7, 0.2], [0.4, 1.2, -0.3]], &Device::Cpu).unwrap();
        let kinds = [EulerKind::Timestep, EulerKind::Fourier { harmonics: 2 }, EulerKind::Rot6d];
        for kind in kinds {
            let mut params = Params::new(&Device::Cpu);
            let embedding = EulerEmbedding::new(kind, &mut params, ("euler", 8), 1).unwrap();
            check_parameter_gradients(&params, &|| Ok(embedding.forward(&angles)?.unwrap()));
        }
    }

    #[test]
    fn angles_are_told_apart_by_axis() {
        let kinds = [EulerKind::Timestep, EulerKind::Fourier { harmonics: 4 }, EulerKind::Rot6d];
        for kind in kinds {
            assert!(distance(kind, [0.2, 0.4, 0.0], [0.4, 0.2, 0.0]) > 0.05, "{kind:?}");
        }
    }

    #[test]
    fn periodic_kinds_join_the_ends_of_a_turn() {
        let ends = ([0.0, 0.0, PI - 1e-4], [0.0, 0.0, -PI + 1e-4]);
        assert!(distance(EulerKind::Fourier { harmonics: 4 }, ends.0, ends.1) < 0.01);
        assert!(distance(EulerKind::Rot6d, ends.0, ends.1) < 0.01);
        assert!(distance(EulerKind::Timestep, ends.0, ends.1) > 0.1);
    }

    #[test]
    fn none_has_no_parameters_and_names_are_checked() {
        let mut params = Params::new(&Device::Cpu);
        let none = EulerEmbedding::new(EulerKind::None, &mut params, ("euler", 16), 1).unwrap();
        assert!(params.is_empty());
        let angles = Tensor::new(&[[0f32; 3]], &Device::Cpu).unwrap();
        assert!(none.forward(&angles).unwrap().is_none());
        assert_eq!(
            "sine".parse::<EulerKind>().unwrap_err().to_string(),
            "unknown Euler embedding `sine`; choose one of timestep, fourier, rot6d, none"
        );
    }
}
