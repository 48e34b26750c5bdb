//! The fill formula that stands in for stored weights and inputs, and its self-test.

use serde_json::Value;

use super::case::{Case, integers, text};
use super::check::Check;
use super::{Kind, Result};

/// The self-test of the formula.
pub(super) const KIND: Kind =
    Kind { name: "fill", recognises: |case| case.has("", "vectors"), run };

/// A counter-based stream of numbers named by a tensor's name.
pub(super) struct Fill {
    seed: u64,
}

impl Fill {
    /// The stream of `name`: FNV-1a-64 of its bytes.
    pub(super) fn new(name: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self { seed: name.bytes().fold(0xcbf2_9ce4_8422_2325, mix) }
    }

    /// Value `at` (from 0): offset + scale·u with u in (−1, 1). Two roundings, no fused operation.
    pub(super) fn value(&self, at: u64, offset: f32, scale: f32) -> f32 {
        let odd = 2 * (self.bits(at) as i32) + 1 - (1 << 24);
        offset + scale * (odd as f32 * (1.0 / 16_777_216.0))
    }

    /// The first `count` values.
    pub(super) fn values(&self, count: usize, offset: f32, scale: f32) -> Vec<f32> {
        (0..count as u64).map(|at| self.value(at, offset, scale)).collect()
    }

    /// 24 bits of SplitMix64, output `at`.
    pub(super) fn bits(&self, at: u64) -> u64 {
        let z = self.seed.wrapping_add((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) >> 40
    }
}

/// The self-test: first and last bits, and sums over all bits.
fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for vector in case.list("/vectors")? {
        let (name, count) = (text(vector, "name")?, count(vector)?);
        let number = |key: &str| vector[key].as_f64().ok_or(format!("no number `{key}`"));
        let fill = Fill::new(name);
        let seed = format!("{:016x}", fill.seed);
        checks.push(Check::exact(format!("seed of `{name}`"), seed == text(vector, "seed")?));
        let values = fill.values(count, number("offset")? as f32, number("scale")? as f32);
        let bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
        let hex: Vec<String> = bits.iter().map(|bits| format!("{bits:08x}")).collect();
        let first = vector["first_bits"].as_array().ok_or("no `first_bits`")?;
        let firsts_agree = first.iter().zip(&hex).all(|(expected, found)| expected == found);
        checks.push(Check::exact(format!("first bits of `{name}`"), firsts_agree));
        let last_agrees = hex.last().is_some_and(|last| vector["last_bits"] == *last);
        checks.push(Check::exact(format!("last bits of `{name}`"), last_agrees));
        let sums =
            [("bits_sum_u64", sum(&bits, |_| 1)), ("bits_weighted_sum_u64", sum(&bits, |i| i + 1))];
        for (key, found) in sums {
            let agrees = vector[key] == format!("{found:016x}");
            checks.push(Check::exact(format!("{key} of `{name}`"), agrees));
        }
    }
    for vector in case.list("/int_vectors")? {
        let (name, modulo) = (text(vector, "name")?, vector["modulo"].as_u64().ok_or("no modulo")?);
        let fill = Fill::new(name);
        let found = (0..count(vector)? as u64).map(|at| (fill.bits(at) % modulo) as i64);
        let agrees = found.eq(integers(&vector["values"]));
        checks.push(Check::exact(format!("integers of `{name}`"), agrees));
    }
    Ok(checks)
}

fn count(vector: &Value) -> Result<usize> {
    Ok(integers(vector.get("shape").ok_or("no `shape`")?).iter().product::<i64>() as usize)
}

fn sum(bits: &[u32], weight: impl Fn(u64) -> u64) -> u64 {
    let terms = bits.iter().zip(0..).map(|(&bits, at)| u64::from(bits).wrapping_mul(weight(at)));
    terms.fold(0, u64::wrapping_add)
}
