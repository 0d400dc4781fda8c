//! When a safe ends, on two clocks at once.
//!
//! The monotonic clock that programs usually wait on stands still while a laptop sleeps, and
//! the wall clock can be set. A deadline therefore stands on the boot-time clock, which
//! counts sleep, *and* on the wall clock; whichever reaches it first ends the safe.
//! Reading the clocks is the caller's.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lifetime::Lifetime;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Time since the machine was booted, sleep included.
    pub boot: Duration,
    /// Time since 1970-01-01 00:00 UTC, without leap seconds.
    pub wall: Duration,
}

/// The first moment at which a safe is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    end: Moment,
    /// The latest that `end` may become.
    latest: Moment,
}

impl Deadline {
    /// The end of a life that starts at `creation`: [creation, creation + lifetime).
    #[must_use]
    pub fn new(creation: Moment, lifetime: Lifetime) -> Self {
        let after = |lifetime: Lifetime| {
            let duration = lifetime.duration();
            Moment { boot: creation.boot + duration, wall: creation.wall + duration }
        };
        Self { end: after(lifetime), latest: after(Lifetime::MAX) }
    }

    /// Moves the end by at most `by`, on both clocks alike and never beyond
    /// [`Lifetime::MAX`] from the creation. Returns by how much.
    pub fn extend(&mut self, by: Duration) -> Duration {
        let boot = self.latest.boot.saturating_sub(self.end.boot);
        let wall = self.latest.wall.saturating_sub(self.end.wall);
        let by = by.min(boot).min(wall);
        self.end = Moment { boot: self.end.boot + by, wall: self.end.wall + by };
        by
    }

    /// The wall-clock time of the end, since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.end.wall
    }

    /// Time left at `now` by the clock that is further along; `None` when it is over.
    #[must_use]
    pub fn remaining(&self, now: Moment) -> Option<Duration> {
        let boot = self.end.boot.checked_sub(now.boot)?;
        let wall = self.end.wall.checked_sub(now.wall)?;
        Some(boot.min(wall)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const START: Moment =
        Moment { boot: Duration::from_secs(50), wall: Duration::from_secs(1_000_000) };

    fn after(boot: Duration, wall: Duration) -> Moment {
        Moment { boot: START.boot + boot, wall: START.wall + wall }
    }

    fn left(now: Moment) -> Option<Duration> {
        Deadline::new(START, Lifetime::DEFAULT).remaining(now)
    }

    #[test]
    fn life_is_half_open() {
        let tick = Duration::from_nanos(1);
        let last = Duration::new(3_599, 999_999_999);
        assert_eq!(left(START), Some(HOUR));
        assert_eq!(left(after(last, last)), Some(tick));
        assert_eq!(left(after(HOUR, HOUR)), None);
        assert_eq!(left(after(HOUR + tick, HOUR + tick)), None);
    }

    #[test]
    fn either_clock_alone_ends_it() {
        assert_eq!(left(after(HOUR, Duration::ZERO)), None);
        assert_eq!(left(after(Duration::ZERO, HOUR)), None);
    }

    #[test]
    fn a_clock_set_back_gives_no_time() {
        let set_back = Moment { wall: Duration::ZERO, ..after(HOUR / 2, HOUR) };
        assert_eq!(left(set_back), Some(HOUR / 2));
        assert_eq!(left(Moment { wall: Duration::ZERO, ..after(HOUR, HOUR) }), None);
    }

    #[test]
    fn an_extension_moves_the_end_on_both_clocks() {
        let mut deadline = Deadline::new(START, Lifetime::DEFAULT);
        assert_eq!(deadline.extend(HOUR / 2), HOUR / 2);
        let half = HOUR + HOUR / 2;
        assert_eq!(deadline.remaining(START), Some(half));
        assert_eq!(deadline.wall(), START.wall + half);
        assert_eq!(deadline.remaining(after(HOUR, Duration::ZERO)), Some(HOUR / 2));
        assert_eq!(deadline.remaining(after(Duration::ZERO, HOUR)), Some(HOUR / 2));
        assert_eq!(deadline.remaining(after(half, Duration::ZERO)), None);
        assert_eq!(deadline.remaining(after(Duration::ZERO, half)), None);
    }

    #[test]
    fn no_extension_goes_beyond_eight_hours_from_the_creation() {
        let mut deadline = Deadline::new(START, Lifetime::DEFAULT);
        assert_eq!(deadline.extend(HOUR * 6), HOUR * 6);
        assert_eq!(deadline.extend(Duration::MAX), HOUR);
        assert_eq!(deadline.extend(HOUR), Duration::ZERO);
        assert_eq!(deadline.remaining(START), Some(HOUR * 8));
        let mut longest = Deadline::new(START, Lifetime::MAX);
        assert_eq!(longest.extend(Duration::from_nanos(1)), Duration::ZERO);
    }

    #[test]
    fn a_clock_set_forward_ends_it_early() {
        assert_eq!(left(after(Duration::ZERO, HOUR * 24)), None);
        assert_eq!(left(after(Duration::ZERO, HOUR / 4)), Some(HOUR / 4 * 3));
    }
}
