//! The blocks of InceptionV3: branches side by side, joined along the channels.

use candle_core::{Result, Tensor};

use super::conv::ConvShape;
use super::conv_norm::ConvNorm;
use super::inception::EPS;
use crate::error::ModelResult;
use crate::ops::{self, Pool2d};
use crate::params::Params;

/// What a pooling branch takes of every 3×3 window, at every pixel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pooling {
    /// Its mean; over 9 pixels at the border too if `count_padding`.
    Mean { count_padding: bool },
    /// Its maximum.
    Max,
}

impl Pooling {
    fn forward(self, x: &Tensor) -> Result<Tensor> {
        let pool = Pool2d { kernel: 3, stride: 1, padding: 1 };
        match self {
            Self::Mean { count_padding } => ops::avg_pool2d(x, pool, count_padding),
            Self::Max => ops::max_pool2d(x, pool),
        }
    }
}

/// A layer as the tables below write it: name, channels out, kernel, stride.
type Row = (&'static str, usize, [usize; 2], usize);

/// Channels of the second half of the network.
const WIDE: usize = 768;

/// One of the blocks.
#[derive(Clone, Debug)]
pub(super) struct Block {
    branches: Vec<Branch>,
}

/// Pooling, if any, then convolutions, if any, then two side by side, if any.
#[derive(Clone, Debug, Default)]
struct Branch {
    pooling: Option<Pooling>,
    halving: Option<Pool2d>,
    chain: Vec<ConvNorm>,
    split: Vec<ConvNorm>,
}

impl Block {
    /// InceptionA: 5×5 and two 3×3. `sizes`: channels in, channels of the pooling branch, pooling.
    pub(super) fn a(
        params: &mut Params,
        name: &str,
        (inputs, pooled, pooling): (usize, usize, Pooling),
        seed: u64,
    ) -> ModelResult<Self> {
        let mut maker = Maker { params, name, inputs, seed };
        Ok(Self {
            branches: vec![
                maker.chain(&[("branch1x1", 64, [1, 1], 1)])?,
                maker.chain(&[("branch5x5_1", 48, [1, 1], 1), ("branch5x5_2", 64, [5, 5], 1)])?,
                maker.chain(&[
                    ("branch3x3dbl_1", 64, [1, 1], 1),
                    ("branch3x3dbl_2", 96, [3, 3], 1),
                    ("branch3x3dbl_3", 96, [3, 3], 1),
                ])?,
                maker.pooled(pooling, ("branch_pool", pooled, [1, 1], 1))?,
            ],
        })
    }

    /// InceptionB: to 17 × 17.
    pub(super) fn b(
        params: &mut Params,
        name: &str,
        inputs: usize,
        seed: u64,
    ) -> ModelResult<Self> {
        let mut maker = Maker { params, name, inputs, seed };
        Ok(Self {
            branches: vec![
                maker.chain(&[("branch3x3", 384, [3, 3], 2)])?,
                maker.chain(&[
                    ("branch3x3dbl_1", 64, [1, 1], 1),
                    ("branch3x3dbl_2", 96, [3, 3], 1),
                    ("branch3x3dbl_3", 96, [3, 3], 2),
                ])?,
                Branch::halving(),
            ],
        })
    }

    /// InceptionC: 7×7 as 1×7 and 7×1. `sizes`: channels between them, pooling.
    pub(super) fn c(
        params: &mut Params,
        name: &str,
        (between, pooling): (usize, Pooling),
        seed: u64,
    ) -> ModelResult<Self> {
        let mut maker = Maker { params, name, inputs: WIDE, seed };
        Ok(Self {
            branches: vec![
                maker.chain(&[("branch1x1", 192, [1, 1], 1)])?,
                maker.chain(&[
                    ("branch7x7_1", between, [1, 1], 1),
                    ("branch7x7_2", between, [1, 7], 1),
                    ("branch7x7_3", 192, [7, 1], 1),
                ])?,
                maker.chain(&[
                    ("branch7x7dbl_1", between, [1, 1], 1),
                    ("branch7x7dbl_2", between, [7, 1], 1),
                    ("branch7x7dbl_3", between, [1, 7], 1),
                    ("branch7x7dbl_4", between, [7, 1], 1),
                    ("branch7x7dbl_5", 192, [1, 7], 1),
                ])?,
                maker.pooled(pooling, ("branch_pool", 192, [1, 1], 1))?,
            ],
        })
    }

    /// InceptionD: to 8 × 8.
    pub(super) fn d(params: &mut Params, name: &str, seed: u64) -> ModelResult<Self> {
        let mut maker = Maker { params, name, inputs: WIDE, seed };
        Ok(Self {
            branches: vec![
                maker.chain(&[("branch3x3_1", 192, [1, 1], 1), ("branch3x3_2", 320, [3, 3], 2)])?,
                maker.chain(&[
                    ("branch7x7x3_1", 192, [1, 1], 1),
                    ("branch7x7x3_2", 192, [1, 7], 1),
                    ("branch7x7x3_3", 192, [7, 1], 1),
                    ("branch7x7x3_4", 192, [3, 3], 2),
                ])?,
                Branch::halving(),
            ],
        })
    }

    /// InceptionE: branches that split in two. `sizes`: channels in, pooling.
    pub(super) fn e(
        params: &mut Params,
        name: &str,
        (inputs, pooling): (usize, Pooling),
        seed: u64,
    ) -> ModelResult<Self> {
        let mut maker = Maker { params, name, inputs, seed };
        Ok(Self {
            branches: vec![
                maker.chain(&[("branch1x1", 320, [1, 1], 1)])?,
                maker.split(
                    &[("branch3x3_1", 384, [1, 1], 1)],
                    [("branch3x3_2a", 384, [1, 3], 1), ("branch3x3_2b", 384, [3, 1], 1)],
                )?,
                maker.split(
                    &[("branch3x3dbl_1", 448, [1, 1], 1), ("branch3x3dbl_2", 384, [3, 3], 1)],
                    [("branch3x3dbl_3a", 384, [1, 3], 1), ("branch3x3dbl_3b", 384, [3, 1], 1)],
                )?,
                maker.pooled(pooling, ("branch_pool", 192, [1, 1], 1))?,
            ],
        })
    }

    /// # Shapes
    /// - x: `[B, C, H, W]`
    /// - output: `[B, O, H', W']`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let parts: Vec<Tensor> =
            self.branches.iter().map(|branch| branch.forward(x)).collect::<Result<_>>()?;
        Tensor::cat(&parts, 1)
    }

    /// Folds all BatchNorms.
    pub(super) fn fold(&mut self) -> Result<()> {
        let layers = self.branches.iter_mut().flat_map(|b| b.chain.iter_mut().chain(&mut b.split));
        layers.into_iter().try_for_each(ConvNorm::fold)
    }
}

impl Branch {
    fn halving() -> Self {
        let halving = Some(Pool2d { kernel: 3, stride: 2, padding: 0 });
        Self { halving, ..Self::default() }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = match (self.pooling, self.halving) {
            (Some(pooling), _) => pooling.forward(x)?,
            (None, Some(halving)) => ops::max_pool2d(x, halving)?,
            (None, None) => x.clone(),
        };
        for layer in &self.chain {
            x = layer.forward(&x)?.relu()?;
        }
        if self.split.is_empty() {
            return Ok(x);
        }
        let sides = self.split.iter().map(|layer| layer.forward(&x)?.relu());
        Tensor::cat(&sides.collect::<Result<Vec<_>>>()?, 1)
    }
}

/// Declares the layers of one block.
struct Maker<'a> {
    params: &'a mut Params,
    name: &'a str,
    inputs: usize,
    seed: u64,
}

impl Maker<'_> {
    fn chain(&mut self, rows: &[Row]) -> ModelResult<Branch> {
        let mut inputs = self.inputs;
        let mut chain = vec![];
        for &row in rows {
            chain.push(self.layer(inputs, row)?);
            inputs = row.1;
        }
        Ok(Branch { chain, ..Branch::default() })
    }

    fn pooled(&mut self, pooling: Pooling, row: Row) -> ModelResult<Branch> {
        Ok(Branch { pooling: Some(pooling), ..self.chain(&[row])? })
    }

    fn split(&mut self, rows: &[Row], sides: [Row; 2]) -> ModelResult<Branch> {
        let branch = self.chain(rows)?;
        let inputs = rows.last().map_or(self.inputs, |row| row.1);
        let [a, b] = sides;
        Ok(Branch { split: vec![self.layer(inputs, a)?, self.layer(inputs, b)?], ..branch })
    }

    /// Layers that stride have no padding, the others keep the size.
    fn layer(
        &mut self,
        inputs: usize,
        (layer, outputs, kernel, stride): Row,
    ) -> ModelResult<ConvNorm> {
        let shape = match stride {
            1 => ConvShape::same(inputs, outputs, kernel),
            _ => ConvShape::valid(inputs, outputs, kernel).every(stride),
        };
        conv_norm(self.params, &format!("{}.{layer}", self.name), shape, self.seed)
    }
}

/// BasicConv2d without its ReLU, under torchvision's names.
pub(super) fn conv_norm(
    params: &mut Params,
    name: &str,
    shape: ConvShape,
    seed: u64,
) -> ModelResult<ConvNorm> {
    let (conv, norm) = (format!("{name}.conv"), format!("{name}.bn"));
    ConvNorm::new(params, (&conv, &norm), (shape, EPS), seed)
}
