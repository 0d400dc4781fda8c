//! The time of day where the person is.
//!
//! The system is asked once, before the process has a second thread: the C library's answer
//! depends on the environment, which no thread may change meanwhile. A change to or from
//! daylight saving time within the life of the safe is found out at the same time.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, UtcOffset};

/// Seconds of the longest life.
const LONGEST_LIFE: i64 = 480 * 60;

/// What to add to UTC, now and until the safe is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalTime {
    before: UtcOffset,
    /// From this second on, another one.
    change: Option<(i64, UtcOffset)>,
}

impl LocalTime {
    /// Asks the system. UTC, where it does not say.
    pub(crate) fn of_system(now: SystemTime) -> Self {
        Self::from_rule(unix_seconds(now), |second| {
            let moment = OffsetDateTime::from_unix_timestamp(second).ok()?;
            UtcOffset::local_offset_at(moment).ok()
        })
    }

    fn from_rule(start: i64, rule: impl Fn(i64) -> Option<UtcOffset>) -> Self {
        let offset = |second| rule(second).unwrap_or(UtcOffset::UTC);
        let (mut early, mut late) = (start, start + LONGEST_LIFE);
        let (before, after) = (offset(early), offset(late));
        if before == after {
            return Self { before, change: None };
        }
        while late - early > 1 {
            let middle = early.midpoint(late);
            *(if offset(middle) == before { &mut early } else { &mut late }) = middle;
        }
        Self { before, change: Some((late, after)) }
    }

    /// `15:42:07`.
    pub(super) fn stamp(&self, now: SystemTime) -> String {
        let second = unix_seconds(now);
        let offset = self.change.filter(|(change, _)| second >= *change).map(|(_, after)| after);
        let utc = OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (hour, minute, second) = utc.to_offset(offset.unwrap_or(self.before)).to_hms();
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    pub(in crate::display) fn utc() -> LocalTime {
        LocalTime { before: UtcOffset::UTC, change: None }
    }

    fn stamp(time: &LocalTime, second: u64) -> String {
        time.stamp(UNIX_EPOCH + Duration::from_secs(second))
    }

    #[test]
    fn the_day_is_the_persons() {
        assert_eq!(stamp(&utc(), 1_795_188_127), "15:22:07");
        let india = UtcOffset::from_hms(5, 30, 0).ok();
        assert_eq!(stamp(&LocalTime::from_rule(0, |_| india), 1_795_188_127), "20:52:07");
    }

    #[test]
    fn a_change_of_the_clocks_is_known_beforehand() {
        // The end of daylight saving time in Germany: 2026-10-25 01:00 UTC.
        const CHANGE: i64 = 1_792_890_000;
        let offset = |second| {
            let hours = if second < CHANGE { 2 } else { 1 };
            UtcOffset::from_hms(hours, 0, 0).ok()
        };
        let time = LocalTime::from_rule(CHANGE - 7_200, offset);
        assert_eq!(stamp(&time, 1_792_889_999), "02:59:59");
        assert_eq!(stamp(&time, 1_792_890_000), "02:00:00");
    }

    #[test]
    fn without_an_answer_it_is_utc() {
        assert_eq!(stamp(&LocalTime::from_rule(0, |_| None), 1_795_188_127), "15:22:07");
    }
}
