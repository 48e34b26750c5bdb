//! One small network with a person for all mechanisms, for tests.

use candle_core::{Device, Result, Tensor};

use super::{
    ConcatIdStage, FaceInput, FaceSpec, Identity, Mechanism, Method, ReferencePictures, Sources,
    Told, concat_id, consisid, faithful_faces, hunyuan_custom, hunyuan_custom_with_image_pass,
    magref, phantom, skyreels_a2, skyreels_a2_intended, stand_in, stand_in_intended,
    stand_in_with_vace, vace,
};
use crate::codec::LatentCodec;
use crate::params::Params;
use crate::stream::Stream;
use crate::wan::{VaceConfig, Wan, WanConfig};

pub(super) const CHANNELS: usize = 3;
pub(super) const CELL: usize = 4;
pub(super) const STRIDE: usize = 2;
pub(super) const FRAMES: usize = 5;
pub(super) const IMAGE_DIM: usize = 5;
pub(super) const SHARED: usize = 7;

/// A small backbone with a VACE branch.
pub(super) fn base() -> WanConfig {
    WanConfig {
        dim: 24,
        ffn_dim: 32,
        heads: 2,
        blocks: 3,
        in_channels: CHANNELS,
        out_channels: CHANNELS,
        text_dim: 8,
        text_len: None,
        freq_dim: 16,
        vace: Some(VaceConfig { blocks: vec![0, 2], in_channels: 2 * CHANNELS + CELL * CELL }),
        ..WanConfig::t2v_1_3b()
    }
}

/// A method with the parameters of its network and its own, none of them zero.
pub(super) fn built(mechanism: &Mechanism, base: &WanConfig) -> (Method, Params, Params) {
    let (mut network, mut own) = (Params::new(&Device::Cpu), Params::new(&Device::Cpu));
    let wan = Wan::new(&mechanism.network(base, STRIDE).unwrap(), &mut network, 1).unwrap();
    let method = Method::new(mechanism, (wan, &network), &mut own, 1).unwrap();
    for param in network.iter().chain(own.iter()) {
        param.var().set(&normal(param.name(), param.var().dims())).unwrap();
    }
    (method, network, own)
}

pub(super) fn normal(purpose: &str, shape: &[usize]) -> Tensor {
    Stream::new(1, purpose, 0).normal_tensor(shape, 0.3, &Device::Cpu).unwrap()
}

/// Means of cells, of the first frame alone and then of two at a time.
pub(super) struct Means;

impl LatentCodec for Means {
    fn encode(&self, video: &Tensor) -> Result<Tensor> {
        let (b, c, t, h, w) = video.dims5()?;
        let cells = video.reshape(&[b * c * t, h / CELL, CELL, w / CELL, CELL])?;
        let cells = cells.mean(4)?.mean(2)?.reshape((b, c, t, h / CELL, w / CELL))?;
        let mut frames = vec![cells.narrow(2, 0, 1)?];
        for start in (1..t).step_by(STRIDE) {
            frames.push(cells.narrow(2, start, STRIDE)?.mean_keepdim(2)?);
        }
        Tensor::cat(&frames, 2)
    }

    fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        Ok(latent.clone())
    }

    fn latent_channels(&self) -> usize {
        CHANNELS
    }

    fn spatial(&self) -> usize {
        CELL
    }

    fn temporal(&self, frames: usize) -> usize {
        1 + (frames - 1) / STRIDE
    }
}

pub(super) fn face_spec() -> FaceSpec {
    FaceSpec {
        id_dim: 6,
        vit_dim: 8,
        scales: 2,
        depth: 4,
        heads: 2,
        head_dim: 4,
        id_tokens: 2,
        queries: 3,
        out_dim: 10,
        cross_heads: 2,
        cross_head_dim: 4,
        ..FaceSpec::default()
    }
}

pub(super) fn all() -> Vec<Mechanism> {
    vec![
        vace(),
        faithful_faces(2, SHARED),
        phantom(),
        concat_id(ConcatIdStage::First),
        concat_id(ConcatIdStage::AdaLn),
        concat_id(ConcatIdStage::AdaLnIntended),
        stand_in(2),
        stand_in_intended(2),
        stand_in_with_vace(2),
        hunyuan_custom(Some(IMAGE_DIM)),
        hunyuan_custom_with_image_pass(None, 2.0),
        skyreels_a2(IMAGE_DIM),
        skyreels_a2_intended(IMAGE_DIM),
        magref(IMAGE_DIM),
        consisid(face_spec()),
    ]
}

pub(super) fn pictures(count: usize) -> Vec<Tensor> {
    (0..count).map(|at| normal(&format!("picture {at}"), &[1, 3, 16, 16])).collect()
}

pub(super) fn told(mechanism: &Mechanism) -> Told {
    let pictures = pictures(2);
    let sources = Sources {
        pictures: ReferencePictures { pictures: &pictures, region: None, frames: FRAMES },
        image: Some(normal("image", &[1, 4, IMAGE_DIM])),
        face: Some(FaceInput {
            id: normal("id", &[1, 6]),
            layers: (0..2).map(|at| normal(&format!("layer {at}"), &[1, 3, 8])).collect(),
        }),
        shared: Some(normal("shared", &[1, SHARED])),
    };
    let identity = Identity::new(mechanism, &Means, &sources).unwrap();
    let blank = identity.blank(None).unwrap();
    let text = |name: &str| normal(name, &[1, 4, 8]);
    Told { prompt: text("prompt"), negative: text("negative"), identity, blank }
}

pub(super) fn noise(told: &Told) -> Tensor {
    normal("noise", &[1, CHANNELS, told.identity.in_front + 3, 4, 4])
}

pub(super) fn furthest(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

pub(super) fn velocity(method: &Method, told: &Told, identity: &Identity) -> Tensor {
    let (noise, t) = (noise(told), Tensor::new(&[700f32], &Device::Cpu).unwrap());
    let pass = method.pass(&told.prompt, identity, &noise).unwrap();
    pass.velocities(&noise, &t, None).unwrap().swap_remove(0)
}
