//! Lays the video and all segments out as spans of tokens, and finds them again afterwards.

use candle_core::{Result, Tensor, bail};

use super::model::{Wan, WanInput};
use super::piece::Piece;
use super::rotary::{Grid, Rotary};
use super::span::{Modulation, Span};

/// The tokens of one forward pass as they enter the blocks.
pub(super) struct Assembly {
    /// One `[B, L, D]` a span.
    pub(super) xs: Vec<Tensor>,
    /// The spans; the first holds the video, first of all.
    pub(super) spans: Vec<Span>,
    /// What gets a velocity: the video, then the noisy segments.
    pub(super) outputs: Vec<Output>,
}

/// Tokens that get a velocity.
pub(super) struct Output {
    /// The span they lie in, their first token there, and their number.
    place: (usize, usize, usize),
    /// Tokens along time, height and width.
    pub(super) size: [usize; 3],
    /// The embedded timestep, `[B, 1 or L, D]`.
    pub(super) time: Tensor,
}

impl Assembly {
    /// Embeds and lays out all tokens of `input`.
    pub(super) fn new(wan: &Wan, input: &WanInput) -> Result<Self> {
        let pieces = Piece::all(wan, input)?;
        let span_of = spans_of(&pieces, input);
        let count = span_of.iter().max().map_or(0, |last| last + 1);
        let (mut xs, mut spans) = (vec![], vec![]);
        for span in 0..count {
            let members = pieces.iter().zip(&span_of).filter(|(_, of)| **of == span);
            let members: Vec<&Piece> = members.map(|(piece, _)| piece).collect();
            let grids: Vec<Grid> = members.iter().map(|piece| piece.grid).collect();
            let first = members[0];
            let all = || (0..count).collect();
            spans.push(Span {
                rotary: Rotary::new(&grids, wan.config().head_dim(), first.x.device())?,
                timestep: Modulation::rows(&first.rows)?,
                table: first.table,
                attends_to: first.attends_to.clone().unwrap_or_else(all),
                sees_remembered: first.attends_to.is_none(),
                sees_text: first.sees_text,
                lora: first.lora.clone(),
            });
            xs.push(match members.as_slice() {
                [one] => one.x.clone(),
                many => Tensor::cat(&many.iter().map(|piece| &piece.x).collect::<Vec<_>>(), 1)?,
            });
        }
        Ok(Self { xs, spans, outputs: outputs(&pieces, &span_of) })
    }
}

/// The span of each piece. Pieces like the video join its span, unless somebody must tell them
/// apart: what works on the video alone (the VACE branch, and what is added after blocks),
/// timesteps by token, or a segment that sees only some. Otherwise every piece is a span, so that spans are counted as segments are.
fn spans_of(pieces: &[Piece], input: &WanInput) -> Vec<usize> {
    let apart = input.vace.is_some()
        || input.after_blocks.is_some()
        || input.timestep.rank() > 1
        || pieces.iter().any(|piece| piece.attends_to.is_some());
    let mut count = 0;
    let next = |(at, piece): (usize, &Piece)| {
        if at > 0 && piece.as_video && !apart {
            return 0;
        }
        count += 1;
        count - 1
    };
    pieces.iter().enumerate().map(next).collect()
}

fn outputs(pieces: &[Piece], span_of: &[usize]) -> Vec<Output> {
    let mut outputs = vec![];
    for (at, (piece, &span)) in pieces.iter().zip(span_of).enumerate() {
        let before = pieces[..at].iter().zip(span_of).filter(|(_, other)| **other == span);
        let start = before.map(|(other, _)| other.grid.tokens()).sum();
        if piece.noisy {
            let place = (span, start, piece.grid.tokens());
            outputs.push(Output { place, size: piece.grid.size, time: piece.time.clone() });
        }
    }
    outputs
}

impl Output {
    /// These tokens among the spans' `xs`.
    pub(super) fn of(&self, xs: &[Tensor]) -> Result<Tensor> {
        let (span, start, tokens) = self.place;
        match xs.get(span) {
            Some(x) if x.dim(1)? == tokens => Ok(x.clone()),
            Some(x) => x.narrow(1, start, tokens),
            None => bail!("expected span {span}, found {} spans", xs.len()),
        }
    }
}
