//! What happens to each value by itself, in place, right after it was computed.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for wider instructions")]

use crate::ops::lanes::vectorized;

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Abs,
    Ceil,
    Elu { alpha: f32 },
    Erf,
    Exp,
    Floor,
    HardSigmoid { alpha: f32, beta: f32 },
    HardSwish,
    Log,
    Power { exponent: f32 },
    Reciprocal,
    Round,
    Sigmoid,
    Softplus,
    Sqrt,
    Tanh,
}

impl Function {
    /// Its value.
    pub(super) fn of(self, x: f32) -> f32 {
        match self {
            Self::Abs => x.abs(),
            Self::Ceil => x.ceil(),
            Self::Elu { alpha } => {
                if x < 0.0 {
                    alpha * x.exp_m1()
                } else {
                    x
                }
            }
            Self::Erf => erf(x),
            Self::Exp => x.exp(),
            Self::Floor => x.floor(),
            Self::HardSigmoid { alpha, beta } => alpha.mul_add(x, beta).clamp(0.0, 1.0),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Log => x.ln(),
            Self::Power { exponent: 2.0 } => x * x,
            Self::Power { exponent } => x.powf(exponent),
            Self::Reciprocal => x.recip(),
            Self::Round => x.round_ties_even(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Softplus => x.exp().ln_1p(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
        }
    }
}

/// The error function, to 1.5·10⁻⁷ (Abramowitz and Stegun 1964, 7.1.26).
fn erf(x: f32) -> f32 {
    const TERMS: [f64; 5] =
        [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let magnitude = f64::from(x.abs());
    let t = 1.0 / (1.0 + 0.327_591_1 * magnitude);
    let sum = TERMS.iter().fold(0.0, |sum, term| sum * t + term) * t;
    ((1.0 - sum * (-magnitude * magnitude).exp()) as f32).copysign(x)
}

/// A function of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    Add,
    /// x − y.
    Subtract,
    /// y − x.
    SubtractFrom,
    Multiply,
    /// x/y.
    Divide,
    /// y/x.
    DivideInto,
    Max,
    Min,
    /// x where it is positive, x·y elsewhere.
    Slope,
}

impl Pair {
    /// Its value.
    #[inline(always)]
    pub(super) fn of(self, x: f32, y: f32) -> f32 {
        match self {
            Self::Add => x + y,
            Self::Subtract => x - y,
            Self::SubtractFrom => y - x,
            Self::Multiply => x * y,
            Self::Divide => x / y,
            Self::DivideInto => y / x,
            Self::Max => {
                if x > y {
                    x
                } else {
                    y
                }
            }
            Self::Min => {
                if x < y {
                    x
                } else {
                    y
                }
            }
            Self::Slope => {
                if x < 0.0 {
                    x * y
                } else {
                    x
                }
            }
        }
    }
}

/// One operation on every value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    /// x·scale + shift, by channel.
    Affine { scale: Vec<f32>, shift: Vec<f32> },
    /// Within bounds.
    Clamp { low: f32, high: f32 },
    /// A function of one value.
    Map(Function),
    /// With a constant for every channel.
    Channel(Pair, Vec<f32>),
    /// With a constant for every value.
    Whole(Pair, Vec<f32>),
    /// With the value in the same place of another activation: the step's input of that number.
    Other(Pair, usize),
}

/// Least and largest value, if the first operation only bounds the values, and what follows it.
pub(super) fn bounds(elements: &[Element]) -> ([f32; 2], &[Element]) {
    match elements {
        [Element::Clamp { low, high }, rest @ ..] => ([*low, *high], rest),
        _ => ([f32::NEG_INFINITY, f32::INFINITY], elements),
    }
}

/// Where in an activation some neighbours lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The first of them.
    pub(super) at: usize,
    /// Its channel.
    pub(super) channel: usize,
}

impl Element {
    /// Applies it to neighbours of one pixel.
    #[inline(always)]
    fn to_row(&self, row: &mut [f32], place: Place, inputs: &[&[f32]]) {
        let count = row.len();
        match self {
            Self::Affine { scale, shift } => {
                let scale = &scale[place.channel..][..count];
                let shift = &shift[place.channel..][..count];
                for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                    *x = x.mul_add(*scale, *shift);
                }
            }
            Self::Clamp { low, high } => {
                for x in row {
                    let above = if *x < *low { *low } else { *x };
                    *x = if above > *high { *high } else { above };
                }
            }
            Self::Map(function) => row.iter_mut().for_each(|x| *x = function.of(*x)),
            Self::Channel(pair, values) => combine(*pair, row, &values[place.channel..][..count]),
            Self::Whole(pair, values) => combine(*pair, row, &values[place.at..][..count]),
            Self::Other(pair, input) => combine(*pair, row, &inputs[*input][place.at..][..count]),
        }
    }
}

#[inline(always)]
fn combine(pair: Pair, row: &mut [f32], values: &[f32]) {
    macro_rules! each {
        ($($pair:ident)*) => {
            match pair {
                $(Pair::$pair => {
                    row.iter_mut().zip(values).for_each(|(x, &y)| *x = Pair::$pair.of(*x, y));
                })*
            }
        };
    }
    // One loop for each, so that none decides anew at every value.
    each!(Add Subtract SubtractFrom Multiply Divide DivideInto Max Min Slope);
}

/// Applies all to neighbours of one pixel, in order.
#[inline(always)]
pub(super) fn apply(elements: &[Element], row: &mut [f32], place: Place, inputs: &[&[f32]]) {
    for element in elements {
        element.to_row(row, place, inputs);
    }
}

/// Applies all to whole pixels of `channels` values, of which the first lies at `at`.
pub(super) fn apply_to_pixels(
    elements: &[Element],
    values: &mut [f32],
    (at, channels): (usize, usize),
    inputs: &[&[f32]],
) {
    /// Values that stay in the nearest cache from one operation to the next.
    const BLOCK: usize = 4096;
    if elements.is_empty() {
        return;
    }
    let channels = channels.max(1);
    let widened: Vec<Element> = elements.iter().map(|element| element.widened(channels)).collect();
    let width = widened_channels(channels);
    let block = (BLOCK / width).max(1) * width;
    vectorized(
        #[inline(always)]
        || {
            for (number, values) in values.chunks_mut(block).enumerate() {
                for element in &widened {
                    for (row, values) in values.chunks_mut(width).enumerate() {
                        let at = at + number * block + row * width;
                        element.to_row(values, Place { at, channel: 0 }, inputs);
                    }
                }
            }
        },
    );
}

/// Several pixels that are treated as one where one alone would not fill a vector register.
fn widened_channels(channels: usize) -> usize {
    const LEAST: usize = 64;
    channels * LEAST.div_ceil(channels)
}

impl Element {
    /// The same on several pixels at once.
    fn widened(&self, channels: usize) -> Self {
        let repeated = |values: &[f32]| values.repeat(widened_channels(channels) / channels);
        match self {
            Self::Affine { scale, shift } => {
                Self::Affine { scale: repeated(scale), shift: repeated(shift) }
            }
            Self::Channel(pair, values) => Self::Channel(*pair, repeated(values)),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, Function, Pair, apply_to_pixels};

    #[test]
    fn operations_follow_each_other_by_channel_value_and_input() {
        let elements = [
            Element::Affine { scale: vec![2.0, 1.0], shift: vec![0.0, -1.0] },
            Element::Clamp { low: -3.0, high: 4.0 },
            Element::Channel(Pair::Slope, vec![0.5, 0.1]),
            Element::Whole(Pair::Add, vec![0.0, 0.0, 1.0, 2.0]),
            Element::Other(Pair::SubtractFrom, 1),
            Element::Map(Function::Abs),
        ];
        let mut values = [5.0, 2.0, -1.0, -9.0];
        apply_to_pixels(&elements, &mut values, (0, 2), &[&[], &[1.0, 1.0, 0.0, 0.0]]);
        // 10, 1, −2, −10 → 4, 1, −2, −3 → 4, 1, −1, −0.3 → 4, 1, 0, 1.7 → −3, 0, 0, −1.7
        assert_eq!(values[..3], [3.0, 0.0, 0.0]);
        assert!((values[3] - 1.7).abs() < 1e-6);
    }

    #[test]
    fn functions_are_the_usual_ones() {
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        close(Function::Erf.of(0.5), 0.520_499_9);
        close(Function::Erf.of(-2.0), -0.995_322_3);
        close(Function::HardSwish.of(1.0), 2.0 / 3.0);
        close(Function::Elu { alpha: 2.0 }.of(-1.0), 2.0 * ((-1.0f32).exp() - 1.0));
        close(Function::Power { exponent: 0.5 }.of(9.0), 3.0);
        close(Function::Sigmoid.of(0.0), 0.5);
    }
}
