//! A clock for deadlines that goes on while the machine sleeps, where the system has one.
//!
//! The standard library's `Instant` stands still during a suspend on Linux, which would let
//! a client believe in a safe that expired hours ago.

use std::time::Duration;

/// Time since a moment that stays the same for the life of this process.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn now() -> Duration {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Never negative; and if it were, a far future lets no connection and no safe live on.
    boot.try_into().unwrap_or(Duration::MAX)
}

/// Time since a moment that stays the same for the life of this process.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn now() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}
