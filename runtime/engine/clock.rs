//! The wall clock: the only place that reads it, so that nothing computed can depend on it.

/// Seconds since 1970-01-01 UTC; 0 if the machine's clock stands before that.
pub fn unix_seconds() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "this function is the one door to the clock")]
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
