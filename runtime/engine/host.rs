//! The program that computes: its digest and its peak memory, for the result record.

use std::{fs::File, path::PathBuf, sync::OnceLock};

/// Blake3 of the running program, hexadecimal; empty if it cannot be read. Computed once.
pub fn digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let mut hasher = blake3::Hasher::new();
        match File::open(program()).and_then(|file| hasher.update_reader(file).map(drop)) {
            Ok(()) => hasher.finalize().to_hex().to_string(),
            Err(_) => String::new(),
        }
    })
}

/// The file of the running program. On Linux this is the program that runs even if the file on
/// the disk has been replaced since, so that workers never run other code than their parent.
pub fn program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { running } else { std::env::current_exe().unwrap_or_default() }
}

/// Highest memory use of this process so far in MiB; 0 where the system does not tell.
pub fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).unwrap_or("0");
    kib.trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_test_program() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(digest(), blake3::hash(&bytes).to_hex().as_str());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn peak_memory_grows_with_use() {
        let before = peak_mib();
        let block = vec![1_u8; 64 << 20];
        assert_eq!(block.iter().map(|byte| usize::from(*byte)).sum::<usize>(), 64 << 20);
        assert!(peak_mib() >= 64.0 && peak_mib() >= before);
    }
}
