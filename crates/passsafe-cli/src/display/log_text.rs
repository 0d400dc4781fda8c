//! What happened, as lines of a log for people.

use std::time::Duration;

use passsafe_core::wire::{MAX_ATTEMPTS, MAX_PROOFS, State};
use passsafe_server::{Caller, Event};

use super::caller_name::{Names, who};
use super::counts::{Counts, times};
use super::rate_limit::Class;

/// Emphasis of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Normal operation.
    Plain,
    /// Worth a look.
    Odd,
    /// Something is over.
    Final,
}

/// What happened, in one line; `None` for what [`end`] says.
pub(super) fn line(
    event: &Event,
    names: &Names,
    counts: &Counts,
    max_uses: Option<u32>,
) -> Option<(Tone, String)> {
    let who = |caller: &Caller| who(caller, names);
    Some(match event {
        Event::Fetched { caller, uses_left, .. } => {
            let count = match (uses_left, max_uses) {
                (Some(left), Some(most)) => format!("; {left} of {most} uses left"),
                _ if counts.fetched > 1 => format!("; {} so far", times(counts.fetched)),
                _ => String::new(),
            };
            (Tone::Plain, format!("fetched by {}{count}", who(caller)))
        }
        Event::InvalidToken { caller, attempts_left } => {
            let number = MAX_ATTEMPTS.saturating_sub(*attempts_left);
            (Tone::Odd, format!("wrong token ({number} of {MAX_ATTEMPTS}) from {}", who(caller)))
        }
        Event::WrongPassphrase { caller, proofs_left } => {
            let number = MAX_PROOFS.saturating_sub(*proofs_left);
            (Tone::Odd, format!("wrong passphrase ({number} of {MAX_PROOFS}) from {}", who(caller)))
        }
        Event::RefusedPage { caller } => {
            (Tone::Odd, format!("refused: a web page asked, through {}", who(caller)))
        }
        Event::RefusedHost { caller } => {
            let hint = "asked for another host; --allow-host admits a tunnel's";
            (Tone::Odd, format!("refused: {} {hint}", who(caller)))
        }
        Event::RefusedAccount { account: Some(uid) } => {
            let name = names.name(*uid);
            let hint = format!("--allow-user {name} admits it");
            (Tone::Odd, format!("refused: a connection from account {name} (uid {uid}); {hint}"))
        }
        Event::RefusedAccount { account: None } => (
            Tone::Odd,
            "refused: a connection from an account that the system does not tell; \
             --allow-any-user admits it"
                .to_owned(),
        ),
        Event::Denied { caller } => (Tone::Plain, format!("denied: {} got nothing", who(caller))),
        Event::Unanswered { caller } => {
            (Tone::Odd, format!("denied: no answer in time, and {} got nothing", who(caller)))
        }
        Event::Withdrawn { caller } => {
            (Tone::Plain, format!("withdrawn: {} waits no longer", who(caller)))
        }
        Event::Extended { remaining } => {
            (Tone::Plain, format!("extended: open for another {}", minutes(*remaining)))
        }
        Event::Locked => (
            Tone::Final,
            format!(
                "locked: {} were tried, and no client gets in any more; Ctrl-C ends the safe",
                if counts.wrong_passphrases < MAX_PROOFS.into() {
                    "three wrong tokens"
                } else {
                    "ten wrong passphrases"
                }
            ),
        ),
        Event::Spent => (
            Tone::Final,
            "spent: the last use was made, and no client gets in any more; Ctrl-C ends the safe"
                .to_owned(),
        ),
        _ => return None,
    })
}

/// How many events were left out.
pub(super) fn more(class: Class, count: u64, names: &Names) -> String {
    let from = match class {
        Class::Fetched => return format!("and fetched {count} more {}", plural("time", count)),
        Class::Consent => {
            return format!(
                "and {count} more {} to nothing",
                if count == 1 { "question came" } else { "questions came" }
            );
        }
        Class::Lost => return format!("and {count} more {}", plural("event", count)),
        Class::Account(Some(uid)) => format!("from account {}", names.name(uid)),
        Class::Account(None) => "from unknown accounts".to_owned(),
        Class::OtherAccounts => "from other accounts".to_owned(),
        Class::Page => "of web pages".to_owned(),
        Class::Host => "for other hosts".to_owned(),
    };
    format!("refused: and {count} more {from}")
}

/// How the safe ended.
pub(super) fn end(state: State, closed_by: Option<&Caller>, names: &Names) -> String {
    match (state, closed_by) {
        (State::Expired, _) => "expired: the time is up, and the safe is gone".to_owned(),
        (State::Closed, Some(caller)) => {
            format!("closed by {}: the safe is gone", who(caller, names))
        }
        (State::Closed, None) => "closed: the safe is gone".to_owned(),
        (State::Locked, _) => "ended: the locked safe is gone".to_owned(),
        (State::Spent, _) => "ended: the spent safe is gone".to_owned(),
        _ => "ended: the safe is gone".to_owned(),
    }
}

/// `27 minutes`, rounded up.
fn minutes(left: Duration) -> String {
    let minutes = left.as_millis().div_ceil(60_000);
    format!("{minutes} {}", if minutes == 1 { "minute" } else { "minutes" })
}

fn plural(word: &str, count: u64) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

#[cfg(test)]
mod tests {
    use super::super::caller_name::tests::{caller, names};
    use super::*;

    #[track_caller]
    fn assert_line(event: &Event, text: &str) {
        let counts = Counts { fetched: 3, ..Counts::default() };
        assert_eq!(line(event, &names(), &counts, Some(5)).unwrap().1, text);
    }

    #[test]
    fn every_event_is_a_line() {
        let caller = caller("python3");
        assert_line(
            &Event::Fetched { caller: caller.clone(), uses_left: None, times: 1 },
            "fetched by python3 (pid 4242) of ana; 3 times so far",
        );
        assert_line(
            &Event::Fetched { caller: caller.clone(), uses_left: Some(2), times: 1 },
            "fetched by python3 (pid 4242) of ana; 2 of 5 uses left",
        );
        assert_line(
            &Event::InvalidToken { caller: caller.clone(), attempts_left: 2 },
            "wrong token (1 of 3) from python3 (pid 4242) of ana",
        );
        assert_line(
            &Event::WrongPassphrase { caller: caller.clone(), proofs_left: 9 },
            "wrong passphrase (1 of 10) from python3 (pid 4242) of ana",
        );
        assert_line(
            &Event::RefusedPage { caller: caller.clone() },
            "refused: a web page asked, through python3 (pid 4242) of ana",
        );
        assert_line(
            &Event::RefusedHost { caller: caller.clone() },
            "refused: python3 (pid 4242) of ana asked for another host; \
             --allow-host admits a tunnel's",
        );
        assert_line(
            &Event::RefusedAccount { account: Some(65_534) },
            "refused: a connection from account nobody (uid 65534); --allow-user nobody admits it",
        );
        assert_line(
            &Event::RefusedAccount { account: None },
            "refused: a connection from an account that the system does not tell; \
             --allow-any-user admits it",
        );
        assert_line(
            &Event::Denied { caller: caller.clone() },
            "denied: python3 (pid 4242) of ana got nothing",
        );
        assert_line(
            &Event::Unanswered { caller: caller.clone() },
            "denied: no answer in time, and python3 (pid 4242) of ana got nothing",
        );
        assert_line(
            &Event::Withdrawn { caller },
            "withdrawn: python3 (pid 4242) of ana waits no longer",
        );
        assert_line(
            &Event::Extended { remaining: Duration::from_secs(1_741) },
            "extended: open for another 30 minutes",
        );
        assert_line(
            &Event::Locked,
            "locked: three wrong tokens were tried, and no client gets in any more; \
             Ctrl-C ends the safe",
        );
        assert_line(
            &Event::Spent,
            "spent: the last use was made, and no client gets in any more; Ctrl-C ends the safe",
        );
    }

    #[test]
    fn the_first_fetch_is_not_counted_aloud() {
        let event = Event::Fetched { caller: caller("psql"), uses_left: None, times: 1 };
        let counts = Counts { fetched: 1, ..Counts::default() };
        let (tone, text) = line(&event, &names(), &counts, None).unwrap();
        assert_eq!((tone, &*text), (Tone::Plain, "fetched by psql (pid 4242) of ana"));
    }

    #[test]
    fn a_flood_is_a_count() {
        for (class, text) in [
            (Class::Fetched, "and fetched 312 more times"),
            (Class::Account(Some(65_534)), "refused: and 312 more from account nobody"),
            (Class::Account(None), "refused: and 312 more from unknown accounts"),
            (Class::OtherAccounts, "refused: and 312 more from other accounts"),
            (Class::Page, "refused: and 312 more of web pages"),
            (Class::Host, "refused: and 312 more for other hosts"),
            (Class::Consent, "and 312 more questions came to nothing"),
            (Class::Lost, "and 312 more events"),
        ] {
            assert_eq!(more(class, 312, &names()), text);
        }
        assert_eq!(more(Class::Fetched, 1, &names()), "and fetched 1 more time");
    }

    #[test]
    fn the_last_words_say_how_it_ended() {
        let caller = caller("passsafe");
        for (state, by, text) in [
            (State::Expired, None, "expired: the time is up, and the safe is gone"),
            (State::Closed, None, "closed: the safe is gone"),
            (
                State::Closed,
                Some(&caller),
                "closed by passsafe (pid 4242) of ana: the safe is gone",
            ),
            (State::Locked, None, "ended: the locked safe is gone"),
            (State::Spent, None, "ended: the spent safe is gone"),
        ] {
            assert_eq!(end(state, by, &names()), text);
        }
    }
}
