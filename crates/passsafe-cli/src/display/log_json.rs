//! What happened, as lines of JSON for programs: `docs/events.md` has every field.

use std::time::SystemTime;

use passsafe_core::wire::{MAX_ATTEMPTS, MAX_PROOFS, State};
use passsafe_server::{Caller, Event};
use serde::Serialize;

use super::caller_name::Names;
use super::counts::Counts;
use super::rate_limit::Class;

/// One line; a field that says nothing is left out.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    time: String,
    event: &'a str,
    #[serde(flatten)]
    who: Who,
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs_left: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong_passphrases: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Vec<By<'a>>>,
}

#[derive(Debug, Default, Serialize)]
struct Who {
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    protected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
}

#[derive(Debug, Serialize)]
struct By<'a> {
    who: &'a str,
    fetched: u64,
}

/// An event; `None` for what [`end`] says.
pub(super) fn line(
    event: &Event,
    names: &Names,
    counts: &Counts,
    now: SystemTime,
) -> Option<String> {
    let who = |caller: &Caller| Who::new(caller, names);
    let line = Line { time: rfc3339(now), ..Line::default() };
    Some(text(&match event {
        Event::Fetched { caller, uses_left, .. } => Line {
            event: "fetched",
            who: who(caller),
            fetched: Some(counts.fetched),
            uses_left: *uses_left,
            ..line
        },
        Event::InvalidToken { caller, attempts_left } => Line {
            event: "wrong_token",
            who: who(caller),
            attempts_left: Some((*attempts_left).min(MAX_ATTEMPTS)),
            ..line
        },
        Event::WrongPassphrase { caller, proofs_left } => Line {
            event: "wrong_passphrase",
            who: who(caller),
            proofs_left: Some((*proofs_left).min(MAX_PROOFS)),
            ..line
        },
        Event::RefusedPage { caller } => Line { event: "refused_page", who: who(caller), ..line },
        Event::RefusedHost { caller } => Line { event: "refused_host", who: who(caller), ..line },
        Event::RefusedAccount { account } => {
            let caller = Caller { account: *account, ..Caller::default() };
            Line { event: "refused_account", who: who(&caller), ..line }
        }
        Event::Denied { caller } => Line { event: "denied", who: who(caller), ..line },
        Event::Unanswered { caller } => Line { event: "unanswered", who: who(caller), ..line },
        Event::Withdrawn { caller } => Line { event: "withdrawn", who: who(caller), ..line },
        Event::Extended { remaining } => Line {
            event: "extended",
            remaining_seconds: Some(remaining.as_secs()),
            expires_at: Some(rfc3339(now + *remaining)),
            ..line
        },
        Event::Locked => Line { event: "locked", ..line },
        Event::Spent => Line { event: "spent", ..line },
        _ => return None,
    }))
}

/// Events that came too fast to be told one by one.
pub(super) fn more(class: Class, count: u64, names: &Names, now: SystemTime) -> String {
    let account = match class {
        Class::Account(account) => account,
        _ => None,
    };
    let what = match class {
        Class::Fetched => "fetched",
        Class::Account(_) | Class::OtherAccounts => "refused_account",
        Class::Page => "refused_page",
        Class::Host => "refused_host",
        Class::Consent => "denied",
        Class::Lost => "any",
    };
    text(&Line {
        time: rfc3339(now),
        event: "more",
        who: Who::new(&Caller { account, ..Caller::default() }, names),
        what: Some(what),
        count: Some(count),
        ..Line::default()
    })
}

/// The end, and what there was.
pub(super) fn end(
    state: State,
    closed_by: Option<&Caller>,
    names: &Names,
    counts: &Counts,
    now: SystemTime,
) -> String {
    let by = counts.by().into_iter().map(|(who, fetched)| By { who, fetched }).collect();
    text(&Line {
        time: rfc3339(now),
        event: match state {
            State::Expired => "expired",
            State::Closed => "closed",
            _ => "ended",
        },
        who: closed_by.map(|caller| Who::new(caller, names)).unwrap_or_default(),
        fetched: Some(counts.fetched),
        wrong_tokens: Some(counts.wrong_tokens),
        wrong_passphrases: Some(counts.wrong_passphrases),
        denied: Some(counts.denied),
        refused: Some(counts.refused),
        by: Some(by),
        ..Line::default()
    })
}

impl Who {
    fn new(caller: &Caller, names: &Names) -> Self {
        Self {
            process: caller.process.as_ref().map(|process| process.name.clone()),
            pid: caller.process.as_ref().map(|process| process.pid),
            protected: caller.is_protected && caller.process.is_none(),
            account: caller.account.map(|uid| names.name(uid)),
            uid: caller.account,
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    // Whole seconds: clocks of two programs agree no better.
    humantime::format_rfc3339_seconds(time).to_string()
}

#[expect(clippy::expect_used, reason = "a struct of texts and numbers always serialises")]
fn text(line: &Line<'_>) -> String {
    serde_json::to_string(line).expect("a line serialises")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::caller_name::tests::{caller, names};
    use super::*;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_188_120)
    }

    #[track_caller]
    fn assert_line(event: &Event, rest: &str) {
        let counts = Counts { fetched: 3, ..Counts::default() };
        let line = line(event, &names(), &counts, now()).unwrap();
        assert_eq!(line, format!(r#"{{"time":"2026-11-20T15:22:00Z","event":{rest}}}"#));
    }

    #[test]
    fn every_event_is_a_line() {
        const WHO: &str = r#""process":"python3","pid":4242,"account":"ana","uid":1000"#;
        let caller = caller("python3");
        let hidden = Caller { account: Some(1_000), process: None, is_protected: true };
        assert_line(
            &Event::Fetched { caller: caller.clone(), uses_left: None, times: 1 },
            &format!(r#""fetched",{WHO},"fetched":3"#),
        );
        assert_line(
            &Event::Fetched { caller: hidden, uses_left: Some(2), times: 1 },
            r#""fetched","protected":true,"account":"ana","uid":1000,"fetched":3,"uses_left":2"#,
        );
        assert_line(
            &Event::InvalidToken { caller: caller.clone(), attempts_left: 2 },
            &format!(r#""wrong_token",{WHO},"attempts_left":2"#),
        );
        assert_line(
            &Event::WrongPassphrase { caller: caller.clone(), proofs_left: 9 },
            &format!(r#""wrong_passphrase",{WHO},"proofs_left":9"#),
        );
        for (event, name) in [
            (Event::RefusedPage { caller: caller.clone() }, "refused_page"),
            (Event::RefusedHost { caller: caller.clone() }, "refused_host"),
            (Event::Denied { caller: caller.clone() }, "denied"),
            (Event::Unanswered { caller: caller.clone() }, "unanswered"),
            (Event::Withdrawn { caller: caller.clone() }, "withdrawn"),
        ] {
            assert_line(&event, &format!(r#""{name}",{WHO}"#));
        }
        assert_line(
            &Event::RefusedAccount { account: Some(65_534) },
            r#""refused_account","account":"nobody","uid":65534"#,
        );
        assert_line(&Event::RefusedAccount { account: None }, r#""refused_account""#);
        assert_line(
            &Event::Extended { remaining: Duration::from_secs(1_800) },
            r#""extended","remaining_seconds":1800,"expires_at":"2026-11-20T15:52:00Z""#,
        );
        assert_line(&Event::Locked, r#""locked""#);
        assert_line(&Event::Spent, r#""spent""#);
    }

    #[test]
    fn a_flood_is_a_count() {
        assert_eq!(
            more(Class::Account(Some(65_534)), 312, &names(), now()),
            r#"{"time":"2026-11-20T15:22:00Z","event":"more","account":"nobody","uid":65534,"what":"refused_account","count":312}"#
        );
    }

    #[test]
    fn the_end_has_all_counts() {
        let mut counts = Counts { wrong_tokens: 1, ..Counts::default() };
        counts
            .count(&Event::Fetched { caller: caller("psql"), uses_left: None, times: 1 }, &names());
        assert_eq!(
            end(State::Closed, Some(&caller("passsafe")), &names(), &counts, now()),
            r#"{"time":"2026-11-20T15:22:00Z","event":"closed","process":"passsafe","pid":4242,"account":"ana","uid":1000,"fetched":1,"wrong_tokens":1,"wrong_passphrases":0,"denied":0,"refused":0,"by":[{"who":"psql of ana","fetched":1}]}"#
        );
    }

    #[test]
    fn a_name_cannot_end_the_line_or_the_text() {
        let event = Event::Denied { caller: caller("a\"\n\x1b") };
        let line = line(&event, &names(), &Counts::default(), now()).unwrap();
        assert!(line.contains(r#""process":"a\"\n\u001b""#), "{line}");
    }
}
