//! What a trial takes, as columns beside what it gives.

use ffrun_reports::rows::Direction;

use super::catalogue::Row;

/// All of version 1. None is better or worse in itself.
pub(super) const ROWS: &[Row] = &[
    (
        "trained_parameters",
        "Trained parameters",
        "M",
        Direction::Neutral,
        3,
        "values that the tuning moved, in millions, those of an aligner included",
        "counted in the files of the tuning",
    ),
    (
        "passes",
        "Passes (NFE)",
        "",
        Direction::Neutral,
        0,
        "evaluations of the network for one clip: steps times the passes of a step",
        "number of function evaluations, as diffusion papers count it",
    ),
    (
        "gflop_per_clip",
        "Arithmetic per clip",
        "GFLOP",
        Direction::Neutral,
        1,
        "floating-point operations of those passes: two for each product of a weight and a value and \
         for each pair of a query and a key in scores and in values; norms and the like, encoders and \
         codec are left out",
        "arithmetic of the tokens, METHOD of ffrun",
    ),
    (
        "seconds_per_clip",
        "Time per clip",
        "s",
        Direction::Neutral,
        2,
        "wall time of sampling over its clips, start of the process included; as busy as the machine \
         was",
        "the store's record of the `generate` stage",
    ),
    (
        "sampling_memory",
        "Memory to sample",
        "MiB",
        Direction::Neutral,
        0,
        "peak resident memory of the process that sampled, twelve clips at a time",
        "the store's record of the `generate` stage",
    ),
    (
        "tuning_memory",
        "Memory to tune",
        "MiB",
        Direction::Neutral,
        0,
        "peak resident memory of the process that tuned",
        "the store's record of the `tune` stage",
    ),
];
