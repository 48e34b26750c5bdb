//! The face tokenizer: a small vision transformer (Dosovitskiy et al. 2021, pre-norm, no class
//! token).

use candle_core::{Result, Tensor, bail};

use crate::error::{ModelError, ModelResult};
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::ops;
use crate::params::{Group, Params};
use crate::stream::Stream;

/// Turns face crops into token sequences. Every kind of tokenizer has this face.
pub trait Tokenizer: Send + Sync {
    /// The tokens of a batch of faces.
    ///
    /// # Shapes
    /// - images_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, L, D]`
    fn tokens(&self, images_bchw: &Tensor) -> Result<Tensor>;

    /// Token width D.
    fn width(&self) -> usize;

    /// Tokens per face L.
    fn tokens_per_face(&self) -> usize;
}

/// The sizes of a [`Vit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VitConfig {
    /// Side of the square face crop in pixels.
    pub image_px: usize,
    /// Side of a patch in pixels.
    pub patch_px: usize,
    /// Token width D.
    pub width: usize,
    /// Transformer blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden width of the MLPs over D.
    pub mlp_ratio: usize,
}

impl VitConfig {
    /// Tokens per face: (image/patch)².
    pub fn tokens(&self) -> usize {
        (self.image_px / self.patch_px.max(1)).pow(2)
    }

    fn check(&self) -> ModelResult<()> {
        let bad = |setting, got: usize, expected: String| {
            Err(ModelError::BadSetting { setting, got: got.to_string(), expected })
        };
        if self.patch_px == 0 || self.image_px == 0 || !self.image_px.is_multiple_of(self.patch_px)
        {
            let image = self.image_px;
            return bad("patch_px", self.patch_px, format!("must divide `image_px` {image}"));
        }
        if self.heads == 0 || self.width == 0 || !self.width.is_multiple_of(self.heads) {
            let width = self.width;
            return bad("heads", self.heads, format!("must divide `width` {width}"));
        }
        if self.mlp_ratio == 0 {
            return bad("mlp_ratio", 0, "must be at least 1".to_owned());
        }
        Ok(())
    }
}

/// Patches → linear → + learned positions → pre-norm blocks → norm.
#[derive(Clone, Debug)]
pub struct Vit {
    config: VitConfig,
    patch: Linear,
    position_ld: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
}

impl Vit {
    /// Declares `<name>.…` with initial values from `seed`.
    pub fn new(config: VitConfig, params: &mut Params, name: &str, seed: u64) -> ModelResult<Self> {
        config.check()?;
        let patch_values = 3 * config.patch_px * config.patch_px;
        let patch =
            Linear::new(params, &format!("{name}.patch"), (patch_values, config.width), seed)?;
        let position = format!("{name}.position");
        let init = truncated_normal(seed, &position, (config.tokens(), config.width))?;
        let position_ld = params.add(&position, &init, Group::NoDecay)?;
        let blocks = (0..config.depth)
            .map(|at| Block::new(config, params, &format!("{name}.blocks.{at}"), seed))
            .collect::<ModelResult<_>>()?;
        let norm = LayerNorm::new(params, &format!("{name}.norm"), config.width)?;
        Ok(Self { config, patch, position_ld, blocks, norm })
    }

    /// The tokens behind every block, before the last norm: what readers of several depths want.
    ///
    /// # Shapes
    /// - images_bchw: `[B, 3, H, W]`, RGB in [−1, 1]
    /// - output: `[B, L, D]` for each block
    ///
    /// # Errors
    /// When the images have another size.
    pub fn layers(&self, images_bchw: &Tensor) -> Result<Vec<Tensor>> {
        let mut x = self.embedded(images_bchw)?;
        let mut layers = vec![];
        for block in &self.blocks {
            x = block.forward(&x)?;
            layers.push(x.clone());
        }
        Ok(layers)
    }

    fn embedded(&self, images_bchw: &Tensor) -> Result<Tensor> {
        let patches = patchify(images_bchw, self.config.image_px, self.config.patch_px)?;
        self.patch.forward(&patches)?.broadcast_add(&self.position_ld)
    }
}

impl Tokenizer for Vit {
    fn tokens(&self, images_bchw: &Tensor) -> Result<Tensor> {
        let mut x = self.embedded(images_bchw)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.norm.forward(&x)
    }

    fn width(&self) -> usize {
        self.config.width
    }

    fn tokens_per_face(&self) -> usize {
        self.config.tokens()
    }
}

/// x + attention(norm(x)), then x + MLP(norm(x)).
#[derive(Clone, Debug)]
struct Block {
    heads: usize,
    norm1: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm2: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl Block {
    fn new(config: VitConfig, params: &mut Params, name: &str, seed: u64) -> ModelResult<Self> {
        let (d, hidden) = (config.width, config.width * config.mlp_ratio);
        let norm1 = LayerNorm::new(params, &format!("{name}.norm1"), d)?;
        let mut linear =
            |part: &str, sizes| Linear::new(params, &format!("{name}.{part}"), sizes, seed);
        let (query, value) = (linear("attn.q", (d, d))?, linear("attn.v", (d, d))?);
        let out = linear("attn.o", (d, d))?;
        let (expand, contract) = (linear("mlp.0", (d, hidden))?, linear("mlp.2", (hidden, d))?);
        // A key bias shifts all scores of a query alike, which softmax does not see.
        let key = Linear::without_bias(params, &format!("{name}.attn.k"), (d, d), seed)?;
        let norm2 = LayerNorm::new(params, &format!("{name}.norm2"), d)?;
        Ok(Self { heads: config.heads, norm1, query, key, value, out, norm2, expand, contract })
    }

    fn forward(&self, x_bld: &Tensor) -> Result<Tensor> {
        let x_bld = (x_bld + self.attend(&self.norm1.forward(x_bld)?)?)?;
        let hidden = ops::gelu(&self.expand.forward(&self.norm2.forward(&x_bld)?)?)?;
        x_bld + self.contract.forward(&hidden)?
    }

    fn attend(&self, x_bld: &Tensor) -> Result<Tensor> {
        let (b, l, d) = x_bld.dims3()?;
        let split_heads = |projection: &Linear| {
            let x = projection.forward(x_bld)?;
            x.reshape((b, l, self.heads, d / self.heads))?.transpose(1, 2)
        };
        let (q, k, v) =
            (split_heads(&self.query)?, split_heads(&self.key)?, split_heads(&self.value)?);
        let heads_bhld = ops::attention(&q, &k, &v)?;
        self.out.forward(&heads_bhld.transpose(1, 2)?.reshape((b, l, d))?)
    }
}

/// Cuts images into patches, row by row; a patch is laid out channel, row, column.
fn patchify(images_bchw: &Tensor, image_px: usize, patch_px: usize) -> Result<Tensor> {
    let (b, c, h, w) = images_bchw.dims4()?;
    if (c, h, w) != (3, image_px, image_px) {
        bail!("expected faces [B, 3, {image_px}, {image_px}], found {:?}", images_bchw.shape());
    }
    let side = image_px / patch_px;
    images_bchw
        .reshape(vec![b, c, side, patch_px, side, patch_px])?
        .permute(vec![0, 2, 4, 1, 3, 5])?
        .reshape((b, side * side, c * patch_px * patch_px))
}

/// N(0, 0.02²) cut at two standard deviations, as ViT's positions are initialised.
fn truncated_normal(seed: u64, name: &str, shape: (usize, usize)) -> Result<Tensor> {
    const STD: f32 = 0.02;
    let mut stream = Stream::new(seed, &format!("init/{name}"), 0);
    let mut draw = || loop {
        let value = stream.normal();
        if value.abs() <= 2.0 {
            return STD * value;
        }
    };
    let values: Vec<f32> = (0..shape.0 * shape.1).map(|_| draw()).collect();
    Tensor::from_vec(values, shape, &candle_core::Device::Cpu)
}

#[cfg(test)]
mod tests {
    use super::{Tokenizer, Vit, VitConfig, patchify};
    use crate::parameter_gradients::check_parameter_gradients;
    use crate::params::Params;
    use crate::stream::Stream;
    use candle_core::{Device, Tensor};

    const SMALL: VitConfig =
        VitConfig { image_px: 8, patch_px: 4, width: 8, depth: 2, heads: 2, mlp_ratio: 2 };

    #[test]
    fn gradients_of_every_parameter_match_finite_differences() {
        let mut params = Params::new(&Device::Cpu);
        let vit = Vit::new(SMALL, &mut params, "vit", 1).unwrap();
        let mut stream = Stream::new(2, "test/images", 0);
        let images = stream.normal_tensor((3, 3, 8, 8), 1.0, &Device::Cpu).unwrap();
        check_parameter_gradients(&params, &|| vit.tokens(&images));
    }

    #[test]
    fn the_last_layer_is_what_the_norm_reads() {
        let vit = Vit::new(SMALL, &mut Params::new(&Device::Cpu), "vit", 1).unwrap();
        let mut stream = Stream::new(2, "test/images", 0);
        let images = stream.normal_tensor((2, 3, 8, 8), 1.0, &Device::Cpu).unwrap();
        let layers = vit.layers(&images).unwrap();
        assert_eq!(layers.len(), SMALL.depth);
        let last = vit.norm.forward(&layers[1]).unwrap();
        let difference = (last - vit.tokens(&images).unwrap()).unwrap().abs().unwrap();
        assert_eq!(difference.max_all().unwrap().to_scalar::<f32>().unwrap(), 0.0);
    }

    #[test]
    fn patches_run_row_by_row() {
        let images = Tensor::arange(0f32, 48.0, &Device::Cpu).unwrap();
        let images = images.reshape((1, 3, 4, 4)).unwrap();
        let patches = patchify(&images, 4, 2).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!(patches[0][0][..8], [0., 1., 4., 5., 16., 17., 20., 21.]);
        assert_eq!(patches[0][1][..4], [2., 3., 6., 7.]);
        assert_eq!(patches[0][3][8..], [42., 43., 46., 47.]);
    }

    #[test]
    fn sizes_that_do_not_divide_are_refused() {
        let message = |config| {
            Vit::new(config, &mut Params::new(&Device::Cpu), "vit", 1).unwrap_err().to_string()
        };
        assert_eq!(
            message(VitConfig { patch_px: 3, ..SMALL }),
            "`patch_px` is 3, but must divide `image_px` 8"
        );
        let heads = message(VitConfig { heads: 3, ..SMALL });
        assert_eq!(heads, "`heads` is 3, but must divide `width` 8");
    }
}
