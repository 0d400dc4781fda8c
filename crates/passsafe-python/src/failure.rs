//! The client's errors as the exceptions of the package, in sentences.
//!
//! Each says what happened and what to do next. None contains a secret; the one exception is
//! deliberate and argued in core's `passphrase/typo.rs`.

use std::error::Error as _;

use passsafe_client::blocking::Client;
use passsafe_client::{BaseUrl, Error, ErrorKind};
use passsafe_core::wire::MAX_ATTEMPTS;
use pyo3::prelude::*;

/// The exceptions of `passsafe/_errors.py`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Class {
    Other,
    Usage,
    InvalidToken,
    MaxInvalidTokens,
    Expired,
    Spent,
    Closed,
    Refused,
    Denied,
    NoConsent,
    WrongPassphrase,
    OtherSafe,
    DamagedRecord,
    UnknownSecret,
    NotText,
    SafeUnavailable,
    SafeTimeout,
    NotASafe,
    ForeignListener,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Other => "PasssafeError",
            Self::Usage => "UsageError",
            Self::InvalidToken => "InvalidToken",
            Self::MaxInvalidTokens => "MaxInvalidTokens",
            Self::Expired => "Expired",
            Self::Spent => "Spent",
            Self::Closed => "Closed",
            Self::Refused => "Refused",
            Self::Denied => "Denied",
            Self::NoConsent => "NoConsent",
            Self::WrongPassphrase => "WrongPassphrase",
            Self::OtherSafe => "OtherSafe",
            Self::DamagedRecord => "DamagedRecord",
            Self::UnknownSecret => "UnknownSecret",
            Self::NotText => "NotText",
            Self::SafeUnavailable => "SafeUnavailable",
            Self::SafeTimeout => "SafeTimeout",
            Self::NotASafe => "NotASafe",
            Self::ForeignListener => "ForeignListener",
        }
    }

    /// An exception of this class.
    pub(crate) fn error(self, py: Python<'_>, message: &str) -> PyErr {
        self.made(py, (message,))
    }

    fn made<'py>(self, py: Python<'py>, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
        let class = py.import("passsafe._errors").and_then(|it| it.getattr(self.name()));
        match class.and_then(|class| class.call1(arguments)) {
            Ok(error) => PyErr::from_value(error),
            Err(failed) => failed,
        }
    }
}

/// What happened at `url`, as an exception. The client is asked for a typo in its passphrase.
pub(crate) fn raised(
    py: Python<'_>,
    error: &Error,
    url: &BaseUrl,
    client: Option<&Client>,
) -> PyErr {
    if let Some(by) = error.source().and_then(|source| source.downcast_ref::<PyErr>()) {
        return by.clone_ref(py);
    }
    if let Some(left) = error.attempts_left() {
        return wrong_token(py, left);
    }
    let typo = match error.kind() {
        ErrorKind::ForeignListener => return foreign(py, error, url),
        ErrorKind::WrongPassphrase => client.and_then(Client::passphrase_typo),
        _ => None,
    };
    let (class, what, hint) = words(error, url);
    let typo = typo.map(|typo| typo.to_string());
    let mut message = sentences(&what, typo.as_deref().unwrap_or(hint));
    if matches!(error.kind(), ErrorKind::UnknownEntry | ErrorKind::NotText)
        && let Some(left) = client.and_then(Client::uses_left)
    {
        message.push_str(&used(left));
    }
    match class {
        Class::WrongPassphrase => class.made(py, (message, error.proofs_left())),
        class => class.error(py, &message),
    }
}

const NEW_ONE: &str = "start a new one with 'passsafe', and make a client with its credentials";
const ADMIT: &str =
    "a safe of another account has to admit this one (--allow-user); a tunnel needs a far end";

fn words(error: &Error, url: &BaseUrl) -> (Class, String, &'static str) {
    let over = |class, how: &str| (class, format!("the safe at {url} {how}"), NEW_ONE);
    let told = |class, hint| (class, error.to_string(), hint);
    match error.kind() {
        ErrorKind::Locked if error.proofs_left() == Some(0) => {
            over(Class::MaxInvalidTokens, "is locked for good: ten wrong passphrases were tried")
        }
        ErrorKind::Locked => {
            over(Class::MaxInvalidTokens, "is locked for good: three wrong tokens were tried")
        }
        ErrorKind::Spent => over(Class::Spent, "is spent: its last allowed use was made"),
        ErrorKind::Expired => over(Class::Expired, "has expired"),
        ErrorKind::Closed => over(Class::Closed, "was closed"),
        ErrorKind::Denied => {
            told(Class::Denied, "its terminal asks before each release: 'y' allows it")
        }
        ErrorKind::AwaitingConsent => {
            told(Class::NoConsent, "answer the question in the safe's terminal, then try again")
        }
        ErrorKind::HungUp => told(Class::SafeUnavailable, ADMIT),
        ErrorKind::BrokeOff => told(
            Class::SafeUnavailable,
            "ask status() whether the safe is still there; the request may have counted",
        ),
        ErrorKind::Forbidden => {
            (Class::SafeUnavailable, format!("this account may not connect to {url}"), ADMIT)
        }
        ErrorKind::NoRoute => {
            told(Class::SafeUnavailable, "check the address, and the network of this machine")
        }
        ErrorKind::Unreachable => (
            Class::SafeUnavailable,
            format!("there is no safe at {url}; it may have expired"),
            "start one with 'passsafe', or pass its address as host",
        ),
        ErrorKind::NotASafe => (
            Class::NotASafe,
            format!("the server at {url} is not passsafe"),
            "check the port, or pass another address as host",
        ),
        ErrorKind::Timeout => (
            Class::SafeTimeout,
            format!("{error} from {url}"),
            "is it still being asked for its password, or stopped? Try again, or pass a longer timeout",
        ),
        ErrorKind::InvalidToken => told(Class::InvalidToken, "check the six digits"),
        ErrorKind::WrongHost => {
            told(Class::Refused, "through a tunnel, start the safe with --allow-host HOST:PORT")
        }
        ErrorKind::Refused => told(Class::Refused, "the safe may be newer: update passsafe-client"),
        ErrorKind::WrongPassphrase => told(
            Class::WrongPassphrase,
            "pass the six words as shown, and the account that started the safe as user",
        ),
        ErrorKind::OtherSafe => {
            told(Class::OtherSafe, "make a new client with the credentials of the new safe")
        }
        ErrorKind::Damaged => told(
            Class::DamagedRecord,
            "the record was changed, or its safe is newer: start a new one",
        ),
        ErrorKind::UnknownEntry => told(Class::UnknownSecret, "ask names() what it holds"),
        ErrorKind::NotText => told(Class::NotText, "ask for it with secret_bytes()"),
        ErrorKind::Usage => told(Class::Usage, "nothing was sent"),
        _ => told(Class::Other, "try again, with a new client"),
    }
}

fn wrong_token(py: Python<'_>, left: u8) -> PyErr {
    let used = MAX_ATTEMPTS.saturating_sub(left);
    let what = format!("the token was refused ({used} of {MAX_ATTEMPTS})");
    let told = |hint| sentences(&what, hint);
    match left {
        0 => {
            let what = format!("{what}, and the safe is locked for good");
            Class::MaxInvalidTokens.error(py, &sentences(&what, NEW_ONE))
        }
        1 => Class::InvalidToken
            .made(py, (told("check the six digits: one more wrong token locks the safe"), left)),
        _ => Class::InvalidToken
            .made(py, (told("check the six digits: two more wrong tokens lock the safe"), left)),
    }
}

/// For one of several secrets.
pub(crate) fn not_text(py: Python<'_>, name: &str) -> PyErr {
    let what = format!("the secret named {name} is not UTF-8 text");
    Class::NotText.error(py, &sentences(&what, "ask for it with secret_bytes()"))
}

/// The token stays here: another account's program waits for it.
fn foreign(py: Python<'_>, error: &Error, url: &BaseUrl) -> PyErr {
    let message = match error.listener_account() {
        None => sentences(
            &error.to_string(),
            "nothing was sent; any_owner=True trusts any account's server",
        ),
        Some(uid) => {
            let name = account_name(py, uid);
            let named = name.as_ref().map_or_else(|| uid.to_string(), |name| format!("'{name}'"));
            let account = name.map_or_else(String::new, |name| format!(" {name}"));
            sentences(
                &format!("what listens at {url} belongs to account{account} (uid {uid})"),
                &format!("nothing was sent; if that account serves your safe, pass owner={named}"),
            )
        }
    };
    Class::ForeignListener.error(py, &message)
}

fn account_name(py: Python<'_>, uid: u32) -> Option<String> {
    let entry = py.import("pwd").and_then(|pwd| pwd.call_method1("getpwuid", (uid,)));
    entry.and_then(|entry| entry.getattr("pw_name")?.extract()).ok()
}

/// What a failure has cost that could only be known once the safe was open.
fn used(left: u32) -> String {
    match left {
        0 => " This was the last use of the safe.".to_owned(),
        1 => " This was a use of the safe, and 1 is left.".to_owned(),
        left => format!(" This was a use of the safe, and {left} are left."),
    }
}

/// `What happened. What to do.`
pub(crate) fn sentences(what: &str, hint: &str) -> String {
    format!("{}. {}.", capital(what), capital(hint))
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
