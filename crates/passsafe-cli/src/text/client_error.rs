//! The client's errors in the words, and with the exit codes, of the command line.

use passsafe_client::{BaseUrl, Error, ErrorKind, State};
use passsafe_core::wire::MAX_ATTEMPTS;

use super::failure::{Failure, REFUSED, code};
use super::state::how;
use crate::os::limits::{self, MORE_MEMORY};

/// What happened at `url`, and what to do next. `account_name` gives the name for a uid.
pub(crate) fn explain(
    error: &Error,
    url: &BaseUrl,
    account_name: impl FnOnce(u32) -> String,
) -> Failure {
    if let Some(left) = error.attempts_left() {
        return wrong_token(left);
    }
    let told = |code, hint| Failure::new(code, error.to_string(), hint);
    match error.kind() {
        ErrorKind::Locked => over(State::Locked, error.proofs_left() == Some(0)),
        ErrorKind::Spent => over(State::Spent, false),
        ErrorKind::Expired => over(State::Expired, false),
        ErrorKind::Closed => over(State::Closed, false),
        ErrorKind::Denied => {
            told(code::REFUSED, "its terminal asks before each release: 'y' allows it")
        }
        ErrorKind::AwaitingConsent => {
            told(code::REFUSED, "answer the question in the safe's terminal, then try again")
        }
        ErrorKind::ForeignListener => foreign(error, url, account_name),
        ErrorKind::HungUp => told(
            code::UNAVAILABLE,
            "a safe of another account has to admit this one: --allow-user; a tunnel needs a far end",
        ),
        ErrorKind::BrokeOff => told(
            code::UNAVAILABLE,
            "see with 'passsafe status' whether the safe is still there; the request may have counted",
        ),
        ErrorKind::Forbidden => Failure::new(
            code::REFUSED,
            format!("this account may not connect to {url}"),
            "a safe of another account has to admit this one: --allow-user",
        ),
        ErrorKind::NoRoute => {
            told(code::UNAVAILABLE, "check the address, and the network of this machine")
        }
        ErrorKind::Unreachable => Failure::new(
            code::UNAVAILABLE,
            format!("there is no safe at {url}; it may have expired"),
            "start one with 'passsafe', or name another address with --url",
        ),
        ErrorKind::NotASafe => Failure::new(
            code::PROTOCOL,
            format!("the server at {url} is not passsafe"),
            "check the port, or name another address with --url",
        ),
        ErrorKind::Timeout => told(
            code::TIMEOUT,
            "the safe may still wait for its password, or be stopped; try again",
        ),
        ErrorKind::InvalidToken => told(code::REFUSED, "check the six digits"),
        ErrorKind::WrongHost => {
            told(code::REFUSED, "through a tunnel, start the safe with --allow-host HOST:PORT")
        }
        ErrorKind::Refused => told(code::REFUSED, "the safe may be newer: update passsafe"),
        ErrorKind::WrongPassphrase => {
            told(code::DATA, "type the six words as shown; name the safe's user with --user")
        }
        ErrorKind::OtherSafe => told(code::DATA, "use the credentials of the new safe"),
        ErrorKind::Damaged => {
            told(code::DATA, "the record was changed, or its safe is newer: start a new one")
        }
        ErrorKind::System => told(code::OS, limit(error).unwrap_or(REFUSED)),
        _ => told(code::OS, REFUSED),
    }
}

fn limit(error: &Error) -> Option<&'static str> {
    match std::error::Error::source(error) {
        Some(source) => source.downcast_ref().and_then(limits::hint),
        // A key takes memory, and its error has no source.
        None => Some(MORE_MEMORY),
    }
}

/// Another account listens there, so the token was not sent.
fn foreign(error: &Error, url: &BaseUrl, account_name: impl FnOnce(u32) -> String) -> Failure {
    let Some(uid) = error.listener_account() else {
        let hint = "nothing was sent; --any-owner trusts any account's server";
        return Failure::new(code::REFUSED, error.to_string(), hint);
    };
    let name = account_name(uid);
    Failure::new(
        code::REFUSED,
        format!("what listens at {url} belongs to account {name} (uid {uid})"),
        format!("nothing was sent; if that account serves your safe, add --owner {name}"),
    )
}

/// A safe that will not open again.
pub(crate) fn over(state: State, by_passphrases: bool) -> Failure {
    Failure::new(
        code::REFUSED,
        format!("the safe is {}", how(state, by_passphrases)),
        "start a new one with 'passsafe'",
    )
}

fn wrong_token(left: u8) -> Failure {
    let used = MAX_ATTEMPTS.saturating_sub(left);
    Failure::new(
        code::REFUSED,
        format!("the token was refused ({used} of {MAX_ATTEMPTS})"),
        match left {
            0 => "the safe is locked for good; start a new one with 'passsafe'",
            1 => "check the six digits; one more wrong token locks the safe",
            _ => "check the six digits; two more wrong tokens lock the safe",
        },
    )
}
