//! What this machine is, for `doctor` and for the manifest of a run.

use std::{fs, thread};

/// Facts about the machine, none of which changes a number.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Machine {
    /// Operating system and architecture, `linux x86_64`.
    pub(super) system: String,
    /// Processor name; empty where the system does not tell.
    pub(super) cpu: String,
    /// Logical cores this process may use.
    pub(super) cores: usize,
    /// Memory in MiB; 0 where the system does not tell.
    pub(super) memory_mib: u64,
}

impl Machine {
    /// Looks at this machine.
    pub(super) fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .and_then(|rest| rest.split_once(':'))
            .map(|(_, name)| name.trim().to_owned());
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory_kib: Option<u64> = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok());
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu.unwrap_or_default(),
            cores: cores(),
            memory_mib: memory_kib.unwrap_or(0) / 1024,
        }
    }
}

/// Logical cores this process may use.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What the first CUDA device answers, or why there is none.
pub(super) fn cuda() -> Result<(), String> {
    if !cfg!(feature = "cuda") {
        return Err("this ffrun was built without the feature `cuda`".to_owned());
    }
    candle_core::Device::new_cuda(0)
        .map(drop)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}
