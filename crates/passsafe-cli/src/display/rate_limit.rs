//! Limits the log: of many events that are alike, the first are logged, the others counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use passsafe_server::Event;

/// Accounts that are counted separately.
const MOST_ACCOUNTS: usize = 32;

/// Events that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    Fetched,
    Account(Option<u32>),
    OtherAccounts,
    Page,
    Host,
    Consent,
    /// Events that the safe's own queue had no room for.
    Lost,
}

impl Class {
    /// `None` for what happens a few times in a life and is always logged.
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Fetched { .. } => Some(Self::Fetched),
            Event::RefusedAccount { account } => Some(Self::Account(*account)),
            Event::RefusedPage { .. } => Some(Self::Page),
            Event::RefusedHost { .. } => Some(Self::Host),
            Event::Denied { .. } | Event::Unanswered { .. } | Event::Withdrawn { .. } => {
                Some(Self::Consent)
            }
            _ => None,
        }
    }

    /// How many are logged in how much time.
    fn bounds(self) -> (u64, Duration) {
        match self {
            Self::Fetched | Self::Consent => (10, Duration::from_secs(10)),
            _ => (1, Duration::from_secs(60)),
        }
    }
}

/// What was logged lately, and how much was left out.
#[derive(Debug, Default)]
pub(super) struct RateLimit(HashMap<Class, Window>);

#[derive(Debug)]
struct Window {
    start: Instant,
    told: u64,
    untold: u64,
}

impl RateLimit {
    /// Whether this event is to be logged; if not, it is counted.
    pub(super) fn admits(&mut self, event: &Event, now: Instant) -> bool {
        match (event, Class::of(event)) {
            (Event::Lost { fetched, others }, _) => {
                self.count(Class::Fetched, *fetched, now);
                self.count(Class::Lost, *others, now);
                false
            }
            (_, Some(class)) => {
                let times = if let Event::Fetched { times, .. } = event { *times } else { 1 };
                let class = self.within_bounds(class);
                let (most, _) = class.bounds();
                let window = self.window(class, now);
                let told = window.told < most;
                if told {
                    window.told += 1;
                } else {
                    window.untold += times;
                }
                told
            }
            (_, None) => true,
        }
    }

    /// Whether nothing waits to be counted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts that have waited for their time.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Class, u64)> {
        self.take(|class, window| now.saturating_duration_since(window.start) >= class.bounds().1)
    }

    /// All counts, at the end.
    pub(super) fn rest(&mut self) -> Vec<(Class, u64)> {
        self.take(|_, _| true)
    }

    fn count(&mut self, class: Class, count: u64, now: Instant) {
        if count > 0 {
            self.window(class, now).untold += count;
        }
    }

    fn window(&mut self, class: Class, now: Instant) -> &mut Window {
        self.0.entry(class).or_insert(Window { start: now, told: 0, untold: 0 })
    }

    fn within_bounds(&self, class: Class) -> Class {
        let is_new = matches!(class, Class::Account(_)) && !self.0.contains_key(&class);
        if is_new && self.0.len() >= MOST_ACCOUNTS { Class::OtherAccounts } else { class }
    }

    fn take(&mut self, is_over: impl Fn(Class, &Window) -> bool) -> Vec<(Class, u64)> {
        let mut counts = Vec::new();
        self.0.retain(|&class, window| {
            let stays = !is_over(class, window);
            if !stays && window.untold > 0 {
                counts.push((class, window.untold));
            }
            stays
        });
        counts.sort_unstable();
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller_name::tests::caller;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused(uid: u32) -> Event {
        Event::RefusedAccount { account: Some(uid) }
    }

    #[test]
    fn a_flood_is_one_line_and_a_count_a_minute() {
        let mut limit = RateLimit::default();
        let start = Instant::now();
        let told = (0..313).filter(|_| limit.admits(&refused(7), start)).count();
        assert_eq!(told, 1);
        assert!(limit.admits(&refused(8), start), "another account is another line");
        assert_eq!(limit.due(start + 59 * SECOND), []);
        assert_eq!(limit.due(start + 60 * SECOND), [(Class::Account(Some(7)), 312)]);
        assert_eq!(limit.due(start + 120 * SECOND), []);
        assert!(limit.admits(&refused(7), start + 120 * SECOND), "it is told again after that");
    }

    #[test]
    fn fetches_are_told_one_by_one_until_they_are_too_many() {
        let mut limit = RateLimit::default();
        let start = Instant::now();
        let fetched = Event::Fetched { caller: caller("python3"), uses_left: None, times: 1 };
        let told = (0..25).filter(|_| limit.admits(&fetched, start)).count();
        assert_eq!(told, 10);
        assert!(!limit.admits(&Event::Lost { fetched: 100, others: 3 }, start));
        let in_a_row = Event::Fetched { caller: caller("python3"), uses_left: None, times: 1_000 };
        assert!(!limit.admits(&in_a_row, start));
        assert_eq!(limit.rest(), [(Class::Fetched, 1_115), (Class::Lost, 3)]);
        assert_eq!(limit.rest(), []);
    }

    #[test]
    fn what_comes_a_few_times_in_a_life_is_always_told() {
        let mut limit = RateLimit::default();
        let event = Event::InvalidToken { caller: caller("x"), attempts_left: 2 };
        assert!((0..100).all(|_| limit.admits(&event, Instant::now())));
    }

    #[test]
    fn a_flood_of_accounts_takes_little_memory() {
        let mut limit = RateLimit::default();
        let start = Instant::now();
        let told = (0..1_000).filter(|&uid| limit.admits(&refused(uid), start)).count();
        assert_eq!(told, MOST_ACCOUNTS + 1);
        assert_eq!(limit.rest(), [(Class::OtherAccounts, 967)]);
    }
}
