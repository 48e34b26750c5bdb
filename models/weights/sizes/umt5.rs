//! The sizes of a UMT5 encoder.

use super::shapes::Shapes;
use crate::umt5::Umt5Config;
use crate::weights::{WeightFiles, WeightResult};

/// The sizes of the encoder in `files`, which have original names: shapes tell all of them.
///
/// # Errors
/// When the files are no encoder of UMT5.
pub fn umt5_sizes(files: &WeightFiles) -> WeightResult<Umt5Config> {
    let shapes = Shapes::new(files, "an encoder of UMT5");
    let [vocab, dim] = shapes.of("token_embedding.weight")?;
    let [buckets, heads] = shapes.of("blocks.0.pos_embedding.embedding.weight")?;
    let [inner, _] = shapes.of("blocks.0.attn.q.weight")?;
    let [ffn_dim, _] = shapes.of("blocks.0.ffn.fc1.weight")?;
    Ok(Umt5Config {
        vocab,
        dim,
        layers: shapes.blocks("blocks"),
        heads,
        head_dim: inner / heads.max(1),
        ffn_dim,
        buckets,
        ..Umt5Config::xxl()
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::umt5_sizes;
    use crate::checkpoint;
    use crate::params::Params;
    use crate::umt5::{Umt5, Umt5Config};
    use crate::vae::{VaeConfig, WanVae};
    use crate::wan::{VaceConfig, Wan, WanConfig};
    use crate::weights::{Configuration, WeightFiles, vae_sizes, wan_sizes};

    /// Files with the parameters of a network.
    fn files(params: &Params) -> (tempfile::TempDir, WeightFiles) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let bytes = checkpoint::encode(&params.to_map().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let files = WeightFiles::open(&path).unwrap();
        (folder, files)
    }

    #[test]
    fn shapes_give_back_the_sizes_that_made_them() {
        let none = Configuration::default();
        let mut params = Params::frozen(&Device::Cpu);
        let vace = Some(VaceConfig { blocks: vec![0, 2], in_channels: 9 });
        let small =
            WanConfig { dim: 256, ffn_dim: 40, heads: 2, blocks: 4, ..WanConfig::t2v_14b() };
        let wan = WanConfig { text_dim: 12, freq_dim: 16, vace, ..small };
        Wan::blank(&wan, &mut params).unwrap();
        let (_folder, found) = files(&params);
        assert_eq!(wan_sizes(&found, &none).unwrap(), wan);

        let mut params = Params::frozen(&Device::Cpu);
        let vae = VaeConfig { base_dim: 4, ..VaeConfig::wan2_1() };
        WanVae::new(&vae, &mut params, 0).unwrap();
        let (_folder, found) = files(&params);
        assert_eq!(vae_sizes(&found, &none).unwrap(), vae);
        let text = umt5_sizes(&found).unwrap_err().to_string();
        let expected = "it has no `token_embedding.weight`, so it is not an encoder of UMT5";
        assert!(text.ends_with(expected), "{text}");

        let mut params = Params::frozen(&Device::Cpu);
        let umt5 = Umt5Config {
            vocab: 9,
            dim: 8,
            layers: 2,
            heads: 2,
            head_dim: 3,
            ffn_dim: 12,
            ..Umt5Config::xxl()
        };
        Umt5::new(&umt5, &mut params).unwrap();
        let (_folder, found) = files(&params);
        assert_eq!(umt5_sizes(&found).unwrap(), umt5);
    }

    #[test]
    fn a_tensor_of_too_few_dimensions_is_named() {
        let mut params = Params::frozen(&Device::Cpu);
        let zeros = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
        params.add("patch_embedding.weight", &zeros, crate::params::Group::Decay).unwrap();
        let (_folder, found) = files(&params);
        let text = wan_sizes(&found, &Configuration::default()).unwrap_err().to_string();
        assert!(text.contains("its `patch_embedding.weight` has shape [3]"), "{text}");
    }
}
