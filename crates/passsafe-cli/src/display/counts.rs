//! Counts of events over the whole life of a safe, for its last lines.

use std::fmt::Write as _;

use passsafe_server::{Caller, Event};

use super::caller_name::{Names, kind};

/// Kinds of callers that are counted separately.
const MOST_KINDS: usize = 8;

/// Counts of a whole life.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) fetched: u64,
    pub(super) wrong_tokens: u64,
    pub(super) wrong_passphrases: u64,
    pub(super) refused: u64,
    pub(super) denied: u64,
    pub(super) by: Vec<(String, u64)>,
}

impl Counts {
    pub(super) fn count(&mut self, event: &Event, names: &Names) {
        match event {
            Event::Fetched { caller, times, .. } => {
                self.fetched = self.fetched.saturating_add(*times);
                if let Some(count) = self.place(caller, names) {
                    *count = count.saturating_add(*times);
                }
            }
            Event::Lost { fetched, .. } => self.fetched = self.fetched.saturating_add(*fetched),
            Event::InvalidToken { .. } => self.wrong_tokens += 1,
            Event::WrongPassphrase { .. } => self.wrong_passphrases += 1,
            Event::RefusedPage { .. }
            | Event::RefusedHost { .. }
            | Event::RefusedAccount { .. } => self.refused += 1,
            Event::Denied { .. } | Event::Unanswered { .. } => self.denied += 1,
            _ => {}
        }
    }

    /// Who fetched, most often first.
    pub(super) fn by(&self) -> Vec<(&str, u64)> {
        let mut by: Vec<_> = self.by.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        by.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others = self.fetched.saturating_sub(by.iter().map(|(_, count)| count).sum());
        if others > 0 {
            by.push(("others", others));
        }
        by
    }

    /// All counts in one line.
    pub(super) fn summary(&self) -> String {
        let mut text = match (self.fetched, &*self.by()) {
            (0, _) => "never fetched".to_owned(),
            (fetched, [(only, _)]) => format!("fetched {}, by {only}", times(fetched)),
            (fetched, by) => {
                let by: Vec<_> =
                    by.iter().map(|(kind, count)| format!("{count} by {kind}")).collect();
                format!("fetched {}: {}", times(fetched), by.join(", "))
            }
        };
        for (count, one, many) in [
            (self.wrong_tokens, "wrong token", "wrong tokens"),
            (self.wrong_passphrases, "wrong passphrase", "wrong passphrases"),
            (self.denied, "release denied", "releases denied"),
            (self.refused, "connection or request refused", "connections and requests refused"),
        ] {
            if count > 0 {
                // Writing to a text never fails.
                let _ok = write!(text, "; {count} {}", if count == 1 { one } else { many });
            }
        }
        text
    }

    fn place(&mut self, caller: &Caller, names: &Names) -> Option<&mut u64> {
        let kind = kind(caller, names);
        let known = self.by.iter().position(|(known, _)| *known == kind);
        let place = known.unwrap_or(self.by.len());
        if known.is_none() && self.by.len() < MOST_KINDS {
            self.by.push((kind, 0));
        }
        self.by.get_mut(place).map(|(_, count)| count)
    }
}

/// `once`, `3 times`.
pub(super) fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::super::caller_name::tests::{caller, names};
    use super::*;

    fn counts(events: &[Event]) -> Counts {
        let mut counts = Counts::default();
        for event in events {
            counts.count(event, &names());
        }
        counts
    }

    fn fetched(name: &str) -> Event {
        Event::Fetched { caller: caller(name), uses_left: None, times: 1 }
    }

    #[test]
    fn the_last_words_say_how_often_and_by_whom() {
        assert_eq!(counts(&[]).summary(), "never fetched");
        assert_eq!(counts(&[fetched("psql")]).summary(), "fetched once, by psql of ana");
        assert_eq!(
            counts(&[fetched("psql"), fetched("python3"), fetched("python3")]).summary(),
            "fetched 3 times: 2 by python3 of ana, 1 by psql of ana"
        );
    }

    #[test]
    fn what_came_too_fast_is_counted_for_whom_it_was() {
        let again =
            |name: &str, times| Event::Fetched { caller: caller(name), uses_left: None, times };
        let told = [fetched("psql"), again("psql", 40), again("python3", 3)];
        assert_eq!(
            counts(&told).summary(),
            "fetched 44 times: 41 by psql of ana, 3 by python3 of ana"
        );
        let crowd = (0..20).map(|n| again(&format!("p{n}"), 10));
        assert_eq!(counts(&crowd.collect::<Vec<_>>()).by().last(), Some(&("others", 120)));
    }

    #[test]
    fn what_was_refused_is_counted() {
        let caller = caller("guess");
        assert_eq!(
            counts(&[
                Event::InvalidToken { caller: caller.clone(), attempts_left: 2 },
                Event::Denied { caller: caller.clone() },
                Event::Unanswered { caller: caller.clone() },
                Event::RefusedAccount { account: Some(1) },
                Event::RefusedPage { caller },
            ])
            .summary(),
            "never fetched; 1 wrong token; 2 releases denied; \
             2 connections and requests refused"
        );
    }

    #[test]
    fn a_crowd_of_callers_is_others() {
        let crowd: Vec<_> = (0..20).map(|n| fetched(&format!("p{n}"))).collect();
        let counts = counts(&crowd);
        assert_eq!(counts.by().len(), MOST_KINDS + 1);
        assert_eq!(counts.by().last(), Some(&("others", 12)));
    }
}
