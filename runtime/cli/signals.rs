//! Interruptions: the first asks for a checkpoint and a clean end, the second ends at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// What the user or the system asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    /// True once a stop was asked for.
    pub(super) stop: Arc<AtomicBool>,
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens from now on. A system that refuses leaves the signals their default meaning.
    pub(super) fn listen() -> Self {
        let signals = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // Registered first, so that it sees `stop` as the earlier signal left it.
            let _ = flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&signals.stop),
            );
            let _ = flag::register(signal, Arc::clone(&signals.stop));
            let number = usize::try_from(signal).unwrap_or(0);
            let _ = flag::register_usize(signal, Arc::clone(&signals.last), number);
        }
        signals
    }

    /// Whether a stop was asked for.
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The exit code of the interruption: 130 for Ctrl-C, 143 for a termination.
    pub(super) fn exit_code(&self) -> u8 {
        match self.last.load(Ordering::SeqCst) {
            0 => 130,
            signal => (128 + signal) as u8,
        }
    }
}
