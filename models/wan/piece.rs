//! The video and each segment, embedded, with what decides how its tokens are treated.

use candle_core::{Result, Tensor, bail};

use super::config::WanConfig;
use super::injection::InjectionKind;
use super::model::{Wan, WanInput};
use super::rotary::Grid;
use super::segment::{Attends, Segment, Tokens};
use crate::lora::Lora;

/// The video or one segment before it is laid out.
#[derive(Clone)]
pub(super) struct Piece {
    /// Its tokens, `[B, L, D]`.
    pub(super) x: Tensor,
    /// Where they lie.
    pub(super) grid: Grid,
    /// The embedded timestep, `[B, 1 or L, D]`.
    pub(super) time: Tensor,
    /// The timestep's modulation, `[B, 1 or L, 6, D]`.
    pub(super) rows: Tensor,
    /// The blocks' modulation table: 0 is the base's.
    pub(super) table: usize,
    /// Whether it attends to the text.
    pub(super) sees_text: bool,
    /// The pieces its queries see; `None` is all of them.
    pub(super) attends_to: Option<Vec<usize>>,
    /// Whether it gets a velocity.
    pub(super) noisy: bool,
    /// The adapters on it.
    pub(super) lora: Option<Lora>,
    /// Whether timestep, modulation, text and adapters are all the video's.
    pub(super) as_video: bool,
}

impl Piece {
    /// The video, the segments, and S where it is a token, in this order.
    pub(super) fn all(wan: &Wan, input: &WanInput) -> Result<Vec<Self>> {
        let mut pieces = vec![Self::video(wan, input)?];
        for segment in input.segments {
            let piece = Self::segment(wan, input, (&pieces, segment))?;
            pieces.push(piece);
        }
        pieces.extend(Self::shared_token(input, &pieces[0])?);
        let seen = pieces.iter().flat_map(|piece| piece.attends_to.iter().flatten());
        if let Some(missing) = seen.copied().find(|&at| at >= pieces.len()) {
            let last = pieces.len() - 1;
            bail!("a segment attends to segment {missing}, but the last one is {last}");
        }
        Ok(pieces)
    }

    fn video(wan: &Wan, input: &WanInput) -> Result<Self> {
        let grid = Grid::at_origin(wan.token_grid(input.latent)?);
        let x = match input.channels {
            Some(channels) => Tensor::cat(&[input.latent, channels], 1)?,
            None => input.latent.clone(),
        };
        let x = wan.patch_embedding.forward(&x)?;
        input.run().show("patch_embedding", &x);
        let time = wan.time.embed(input.timestep, input.lora)?;
        input.run().show("time_embedding", &time);
        let rows = wan.time.rows(&time, 0, input.lora)?;
        input.run().show("time_projection", &rows);
        Ok(Self {
            x: with_shared(x, input)?,
            grid,
            time,
            rows: rows_with_shared(rows, input)?,
            table: 0,
            sees_text: true,
            attends_to: None,
            noisy: true,
            lora: input.lora.cloned(),
            as_video: true,
        })
    }

    fn segment(
        wan: &Wan,
        input: &WanInput,
        (earlier, segment): (&[Self], &Segment),
    ) -> Result<Self> {
        let video = &earlier[0];
        let (x, grid) = embedded(wan, segment)?;
        let x = if segment.noisy { with_shared(x, input)? } else { x };
        let table = segment.modulation.map_or(Ok(0), |name| wan.modulation(name))?;
        let time = match segment.timestep {
            Some(timestep) => wan.time.embed(timestep, segment.lora)?,
            None if video.time.dim(1)? > 1 => {
                bail!("beside a video with one timestep per token a segment needs its own")
            }
            None => video.time.clone(),
        };
        let rows = match (segment.timestep, table) {
            (None, 0) => video.rows.clone(),
            _ => wan.time.rows(&time, table, segment.lora)?,
        };
        let as_video = segment.timestep.is_none()
            && segment.modulation.is_none()
            && segment.sees_text
            && same(segment.lora, input.lora);
        let attends_to = match segment.attends_to {
            Attends::All => None,
            Attends::Only(seen) => Some(ascending(seen)?),
            Attends::Itself => Some(vec![earlier.len()]),
        };
        let (sees_text, noisy, lora) = (segment.sees_text, segment.noisy, segment.lora.cloned());
        Ok(Self { x, grid, time, rows, table, sees_text, attends_to, noisy, lora, as_video })
    }

    /// A segment that depends on nothing but itself.
    pub(super) fn alone(wan: &Wan, segment: &Segment) -> Result<Self> {
        let Some(timestep) = segment.timestep else {
            bail!("a segment with the video's timestep changes with every step")
        };
        if segment.noisy || segment.sees_text || segment.attends_to != Attends::Itself {
            bail!("a segment that is noisy, sees the text or other segments changes with them");
        }
        let (x, grid) = embedded(wan, segment)?;
        let table = segment.modulation.map_or(Ok(0), |name| wan.modulation(name))?;
        let time = wan.time.embed(timestep, segment.lora)?;
        let rows = wan.time.rows(&time, table, segment.lora)?;
        let (attends_to, lora) = (Some(vec![0]), segment.lora.cloned());
        let (sees_text, noisy, as_video) = (false, false, false);
        Ok(Self { x, grid, time, rows, table, sees_text, attends_to, noisy, lora, as_video })
    }

    /// S as one token at time −1.
    fn shared_token(input: &WanInput, video: &Self) -> Result<Option<Self>> {
        let Some(shared) = input.shared else { return Ok(None) };
        let Some(token) = shared.for_kind(InjectionKind::Token)? else { return Ok(None) };
        if video.time.dim(1)? > 1 {
            bail!("S as a token needs one timestep a video, found one per token");
        }
        let grid = Grid { size: [1; 3], origin: [-1, 0, 0] };
        Ok(Some(Self { x: token.unsqueeze(1)?, grid, noisy: false, ..video.clone() }))
    }
}

/// A segment's tokens and where they lie. A latent that lacks the channels a video has behind its
/// own gets zeros there.
fn embedded(wan: &Wan, segment: &Segment) -> Result<(Tensor, Grid)> {
    let (x, size) = match segment.tokens {
        Tokens::Latent(latent) => {
            let WanConfig { in_channels, out_channels, .. } = *wan.config();
            let found = latent.dim(1)?;
            let lacking = if found == out_channels { in_channels.saturating_sub(found) } else { 0 };
            let whole = latent.pad_with_zeros(1, 0, lacking)?;
            (wan.patch_embedding.forward(&whole)?, wan.token_grid(latent)?)
        }
        Tokens::Ready(_, _) if segment.noisy => {
            bail!("ready tokens cannot be noisy: only a latent has a velocity")
        }
        Tokens::Ready(tokens, size) => (tokens.clone(), size),
    };
    let grid = Grid { size, origin: segment.origin };
    if x.dim(1)? != grid.tokens() {
        bail!("a segment of {} tokens does not fill a grid of {size:?}", x.dim(1)?);
    }
    Ok((x, grid))
}

/// Noisy tokens with S added, if that is how it enters.
fn with_shared(x: Tensor, input: &WanInput) -> Result<Tensor> {
    let Some(shared) = input.shared else { return Ok(x) };
    match shared.for_kind(InjectionKind::Add)? {
        Some(projected) => x.broadcast_add(&projected.unsqueeze(1)?),
        None => Ok(x),
    }
}

/// Modulation rows with S added, if that is how it enters.
fn rows_with_shared(rows: Tensor, input: &WanInput) -> Result<Tensor> {
    let Some(shared) = input.shared else { return Ok(rows) };
    match shared.for_kind(InjectionKind::AdaLn)? {
        Some(projected) => {
            let (b, _, six, d) = rows.dims4()?;
            rows.broadcast_add(&projected.reshape((b, 1, six, d))?)
        }
        None => Ok(rows),
    }
}

fn same(a: Option<&Lora>, b: Option<&Lora>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn ascending(seen: &[usize]) -> Result<Vec<usize>> {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen.dedup();
    if seen.is_empty() {
        bail!("a segment must attend to something, if only to itself");
    }
    Ok(seen)
}
