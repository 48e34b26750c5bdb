//! The random numbers of resampling: SplitMix64, so that a report is the same bytes everywhere.

/// A stream of numbers fixed by a name: no clock, no thread and no order of use enters it.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    state: u64,
}

impl Draws {
    /// The stream of `name`.
    pub(crate) fn named(name: &str) -> Self {
        // FNV-1a: names differ in few bytes, SplitMix64 then scatters them.
        let state = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { state }
    }

    /// 64 random bits (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An index below `count`, by multiplication (Lemire 2019; its bias is below 2⁻³²).
    pub(crate) fn index(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // First outputs for state 1234567, as listed in the reference implementation's test.
        let mut draws = Draws { state: 1_234_567 };
        assert_eq!(draws.bits(), 6_457_827_717_110_365_317);
        assert_eq!(draws.bits(), 3_203_168_211_198_807_973);
        assert_eq!(draws.bits(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn every_index_is_drawn_equally_often() {
        let mut draws = Draws::named("indices");
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[draws.index(7)] += 1;
        }
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 400), "{counts:?}");
    }
}
