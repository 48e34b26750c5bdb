//! The steps between levels: pictures halved or doubled, and some of them time as well.
//!
//! The very first frame passes by every convolution in time, so that a single picture is a film.

use candle_core::{Result, Tensor, bail};

use super::history::{History, last_frames};
use super::layers::{Kernel, black};
use crate::error::ModelResult;
use crate::ops::{Conv2d, Conv3d};
use crate::params::Params;

/// To the next coarser level.
#[derive(Clone, Debug)]
pub(super) struct Down {
    resample: Kernel,
    time: Option<Kernel>,
}

impl Down {
    pub(super) fn new(
        params: &mut Params,
        name: &str,
        (dim, halves_time): (usize, bool),
        seed: u64,
    ) -> ModelResult<Self> {
        let resample = Kernel::new(params, &format!("{name}.resample.1"), &[dim, dim, 3, 3], seed)?;
        let time = halves_time
            .then(|| Kernel::new(params, &format!("{name}.time_conv"), &[dim, dim, 3, 1, 1], seed));
        Ok(Self { resample, time: time.transpose()? })
    }

    /// `[B, T, C, H, W]` → `[B, T', C, H/2, W/2]`. T' is T without a step in time; else (T + 1)/2
    /// for the first piece, which must be odd, and T/2 for later ones, which must be even.
    pub(super) fn forward(&self, x: &Tensor, history: &mut History) -> Result<Tensor> {
        const HALVED: Conv2d = Conv2d { stride: 2, padding: [0, 1, 0, 1], groups: 1 };
        let (b, t, ..) = x.dims5()?;
        let y = self.resample.on_pictures(&x.flatten(0, 1)?, HALVED)?;
        let (_, c, h, w) = y.dims4()?;
        let y = y.reshape((b, t, c, h, w))?;
        let Some(time) = &self.time else { return Ok(y) };
        let slot = history.slot();
        let before = slot.take();
        if t % 2 != usize::from(before.is_none()) {
            bail!("a piece of {t} frames cannot be halved");
        }
        let conv = Conv3d { frame: Conv2d::default(), time_stride: 2 };
        *slot = Some(last_frames(&y, 1)?);
        match before {
            Some(before) => time.on_films(&Tensor::cat(&[&before, &y], 1)?, conv),
            None if t == 1 => Ok(y),
            None => Tensor::cat(&[&y.narrow(1, 0, 1)?, &time.on_films(&y, conv)?], 1),
        }
    }
}

/// To the next finer level; the channels are halved.
#[derive(Clone, Debug)]
pub(super) struct Up {
    resample: Kernel,
    time: Option<Kernel>,
}

impl Up {
    /// Frames before the present one that the convolution in time sees.
    const BACK: usize = 2;

    pub(super) fn new(
        params: &mut Params,
        name: &str,
        (dim, doubles_time): (usize, bool),
        seed: u64,
    ) -> ModelResult<Self> {
        let shape = [dim / 2, dim, 3, 3];
        let resample = Kernel::new(params, &format!("{name}.resample.1"), &shape, seed)?;
        let time = doubles_time.then(|| {
            Kernel::new(params, &format!("{name}.time_conv"), &[2 * dim, dim, 3, 1, 1], seed)
        });
        Ok(Self { resample, time: time.transpose()? })
    }

    /// `[B, T, C, H, W]` → `[B, T', C/2, 2H, 2W]`. T' is T without a step in time; else 2T − 1 for
    /// the first piece and 2T for later ones.
    pub(super) fn forward(&self, x: &Tensor, history: &mut History) -> Result<Tensor> {
        let x = match &self.time {
            None => x.clone(),
            Some(time) => Self::double_time(time, x, history.slot())?,
        };
        let (b, t, c, h, w) = x.dims5()?;
        let pictures = x.reshape((b * t, c, h, w))?.upsample_nearest2d(2 * h, 2 * w)?;
        let y = self.resample.on_pictures(&pictures, Conv2d::padded(1))?;
        y.reshape((b, t, c / 2, 2 * h, 2 * w))
    }

    fn double_time(time: &Kernel, x: &Tensor, slot: &mut Option<Tensor>) -> Result<Tensor> {
        let (b, t, c, h, w) = x.dims5()?;
        let before = slot.take();
        // The first frame is no part of what later ones see: before them there is black.
        let skipped = usize::from(before.is_none());
        let before = match before {
            Some(before) => before,
            None => black(x, Self::BACK)?,
        };
        if t == skipped {
            *slot = Some(before);
            return Ok(x.clone());
        }
        let film = Tensor::cat(&[&before, &x.narrow(1, skipped, t - skipped)?], 1)?;
        *slot = Some(last_frames(&film, Self::BACK)?);
        // The first C channels are the even frames, the others the odd ones.
        let pairs = time.on_films(&film, Conv3d { frame: Conv2d::default(), time_stride: 1 })?;
        let doubled = pairs.reshape((b, 2 * (t - skipped), c, h, w))?;
        if skipped == 0 { Ok(doubled) } else { Tensor::cat(&[&x.narrow(1, 0, 1)?, &doubled], 1) }
    }
}
