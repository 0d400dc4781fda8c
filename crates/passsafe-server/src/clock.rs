//! Where the safe learns what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passsafe_core::Moment;

/// Reads both clocks that a [`Deadline`](passsafe_core::Deadline) stands on.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// The clocks of the operating system.
///
/// On Linux and Android the boot-time clock goes on while the machine sleeps. Elsewhere it
/// is the monotonic clock of the standard library, which may stand still then; the wall
/// clock ends the safe all the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        // A wall clock before 1970 is broken; as the epoch it leaves the end to boot time.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Moment { boot: boot_time(), wall }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn boot_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Counted from boot, so neither field is negative.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Boot time as far as the standard library tells: time since the first reading plus a
/// constant, which no deadline notices.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn boot_time() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}
