//! How much memory a Wan transformer needs to train or to sample, before anything is allocated.

use super::WanConfig;

/// What is run, for [`MemoryNeed::of`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// Samples in a batch.
    pub batch: usize,
    /// Frames, rows and columns of the latent, reference frames included.
    pub latent: [usize; 3],
    /// Bytes of a weight and of an activation: 2 for BF16, 4 for F32.
    pub value_bytes: usize,
    /// How attention keeps its scores.
    pub attention: AttentionMemory,
    /// What is trained.
    pub mode: Mode,
}

/// What attention holds while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionMemory {
    /// Scores of so many rows of queries at a time, in f32: the chunked and tiled kernels.
    Rows(usize),
    /// All scores at once: plain matrix products.
    Whole,
}

/// Sampling, or training all or a few of the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Passes without a graph; so many samples of one step in a batch (2 for batched guidance).
    Sampling {
        /// Passes that run as one batch.
        passes: usize,
    },
    /// AdamW on `trained` parameters, the others frozen.
    Training {
        /// Trained values: all of [`WanConfig::parameter_count`], or those of the adapters.
        trained: usize,
        /// Whether blocks are run again for their gradients.
        recompute: bool,
    },
}

/// Bytes, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryNeed {
    /// The weights of the transformer, and of adapters beside it.
    pub weights: u64,
    /// Gradients of what is trained, in f32.
    pub gradients: u64,
    /// AdamW's two moments in f32, and an f32 copy of trained weights that are kept in less.
    pub optimiser: u64,
    /// Activations kept for the backward pass, or alive at once while sampling.
    pub activations: u64,
    /// Attention scores.
    pub attention: u64,
}

impl MemoryNeed {
    /// An estimate for a network of these sizes: weights, gradients and moments are exact, the rest
    /// is what the formulas below give, without an allocator's waste, and without the autoencoder,
    /// the text encoder and the image branch.
    ///
    /// With L tokens of width D and F hidden units of the feed-forward network, in values of the
    /// workload's type, per sample and block (base and VACE):
    /// - training keeps 17·L·D + 2·L·F for the backward pass. Measured on the CPU in f32, as the
    ///   growth of resident memory from 6 to 12 blocks: 17.1 and 2.0;
    /// - with recomputation the block's input and output are kept, 2·L·D, and a copy of the trained
    ///   weights, and one block is alive at a time. Measured at two sizes: 1.2 times and 0.5 to 0.8
    ///   times this, with the allocator's reuse in the way;
    /// - sampling keeps nothing: one block, the tokens, and VACE's tokens and hints are alive. Not
    ///   measured.
    pub fn of(config: &WanConfig, work: &Workload) -> Self {
        let value = work.value_bytes as u64;
        let parameters = config.parameter_count() as u64;
        let (trained, passes) = match work.mode {
            Mode::Sampling { passes } => (0, passes.max(1) as u64),
            Mode::Training { trained, .. } => (trained as u64, 1),
        };
        let adapters = if trained < parameters { trained } else { 0 };
        let master = if value < F32 { F32 } else { 0 };
        let samples = work.batch as u64 * passes;
        let recomputes = matches!(work.mode, Mode::Training { recompute: true, .. });
        let copied = if recomputes { trained } else { 0 };
        Self {
            weights: (parameters + adapters) * value,
            gradients: trained * F32,
            optimiser: trained * (2 * F32 + master),
            activations: (samples * kept_values(config, work) + copied) * value,
            attention: samples * attention_bytes(config, work),
        }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.gradients + self.optimiser + self.activations + self.attention
    }
}

const F32: u64 = 4;

/// Tokens of a latent.
fn tokens(config: &WanConfig, latent: [usize; 3]) -> u64 {
    let sides = latent.iter().zip(config.patch);
    sides.map(|(&side, patch)| side.div_ceil(patch.max(1)) as u64).product()
}

/// Activations alive at once, in values of one sample.
fn kept_values(config: &WanConfig, work: &Workload) -> u64 {
    let row = tokens(config, work.latent);
    let (tokens, hidden) = (row * config.dim as u64, row * config.ffn_dim as u64);
    let block = 17 * tokens + 2 * hidden;
    let hints = config.vace.as_ref().map_or(0, |vace| vace.blocks.len() as u64);
    let blocks = config.blocks as u64 + hints;
    match work.mode {
        Mode::Sampling { .. } => block + (2 + hints) * tokens, // tokens, control tokens, hints
        Mode::Training { recompute: true, .. } => (2 * blocks + hints) * tokens + block,
        Mode::Training { recompute: false, .. } => blocks * block + hints * tokens,
    }
}

/// Scores of one sample's self-attention alive at once, in bytes: f32, two copies in the backward
/// pass (probabilities and their gradients).
fn attention_bytes(config: &WanConfig, work: &Workload) -> u64 {
    let tokens = tokens(config, work.latent);
    let rows = match work.attention {
        AttentionMemory::Rows(rows) => tokens.min(rows as u64),
        AttentionMemory::Whole => tokens,
    };
    let copies = match work.mode {
        Mode::Sampling { .. } => 1,
        Mode::Training { .. } => 2,
    };
    config.heads as u64 * rows * tokens * F32 * copies
}

#[cfg(test)]
mod tests {
    use super::{AttentionMemory, MemoryNeed, Mode, Workload};
    use crate::wan::WanConfig;

    /// 81 frames of 480×832 with one reference.
    fn paper(mode: Mode) -> Workload {
        Workload {
            batch: 1,
            latent: [22, 60, 104],
            value_bytes: 2,
            attention: AttentionMemory::Rows(1024),
            mode,
        }
    }

    #[test]
    fn weights_are_those_of_the_published_checkpoint() {
        let need = MemoryNeed::of(&WanConfig::vace_14b(), &paper(Mode::Sampling { passes: 1 }));
        assert_eq!(need.weights, 2 * 17_337_592_896); // 34.7 GB in BF16
        assert_eq!((need.gradients, need.optimiser), (0, 0));
        assert_eq!(need.attention, 40 * 1024 * 34_320 * 4);
    }

    #[test]
    fn adapters_cost_their_moments_and_full_training_costs_sixteen_bytes_a_weight() {
        let config = WanConfig::vace_14b();
        let lora = 157_286_400; // rank 128 on q, k, v of 40 blocks
        let work = paper(Mode::Training { trained: lora, recompute: true });
        let need = MemoryNeed::of(&config, &work);
        assert_eq!(need.weights, 2 * (17_337_592_896 + 157_286_400));
        assert_eq!(need.gradients + need.optimiser, 157_286_400 * 16);
        let trained = config.parameter_count();
        let full = MemoryNeed::of(&config, &paper(Mode::Training { trained, recompute: true }));
        assert_eq!(full.weights + full.gradients + full.optimiser, 17_337_592_896 * 18);
        // The paper's H20 has 96 GB: adapters fit with recomputation, and not without.
        assert!(need.total() < 96_000_000_000, "{}", need.total());
        let kept = paper(Mode::Training { trained: lora, recompute: false });
        assert!(MemoryNeed::of(&config, &kept).total() > 96_000_000_000);
    }

    #[test]
    fn what_grows_grows_as_it_should() {
        let config = WanConfig::t2v_1_3b();
        let need = |work: Workload| MemoryNeed::of(&config, &work);
        let training = paper(Mode::Training { trained: 1, recompute: false });
        let (one, two) = (need(training), need(Workload { batch: 2, ..training }));
        assert_eq!(2 * one.activations, two.activations);
        assert_eq!(one.weights, two.weights);
        let whole = need(Workload { attention: AttentionMemory::Whole, ..training });
        // All rows of the tokens at once, where 1024 were.
        assert_eq!(whole.attention * 1024, one.attention * 34_320);
        let float = need(Workload { value_bytes: 4, ..training });
        assert_eq!(float.weights, 2 * one.weights);
        assert_eq!(float.optimiser, 8, "moments, and no second copy of an f32 weight");
        let sampling = |passes| need(paper(Mode::Sampling { passes }));
        assert_eq!(2 * sampling(1).activations, sampling(2).activations);
        assert!(sampling(1).activations < one.activations / 10);
    }
}
