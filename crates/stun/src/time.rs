//! The only clock value in the protocol cores: TURN needs a monotonic instant and Unix time.

use std::time::Instant;

/// The time at which something happens, passed in by whoever has a clock.
///
/// One `Copy` value carries both kinds of time, so no code path needs "just this one" clock read:
/// lifetimes (RFC 8656 §3.2) count on [`instant`](Self::instant), the expiry inside a time-limited
/// user name is compared with [`unix`](Self::unix).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time: never jumps.
    pub instant: Instant,
    /// Seconds since 1970-01-01 UTC: may jump when the host's clock is set.
    pub unix: u64,
}
