//! What callers pass, checked before anything is sent.
//!
//! The wrong type is a `TypeError`, a value that cannot be right a `UsageError`. Neither ever
//! repeats what was passed: it may be a secret in the wrong place.

use std::borrow::Cow;
use std::time::Duration;

use passsafe_client::{BaseUrl, Passphrase, Token, TokenError, TrustedServer, User};
use pyo3::exceptions::{PyImportError, PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};

use crate::failure::{Class, sentences};

pub(crate) fn passphrase(given: &Bound<'_, PyAny>) -> PyResult<Passphrase> {
    Passphrase::new(&text("passphrase", given)?).map_err(|error| {
        usage(given.py(), &error.to_string(), "it is the six words that 'passsafe' shows")
    })
}

/// An int may have lost its leading zeros, as `042265` does.
pub(crate) fn token(given: &Bound<'_, PyAny>) -> PyResult<Token> {
    const HINT: &str = "write it as '936 265' or 936265; no attempt was used";
    let py = given.py();
    let parsed = if given.is_instance_of::<PyString>() {
        Token::parse(&text("token", given)?)
    } else if is_integer(given) {
        let number = given.extract().map_err(|_| usage(py, &TokenError.to_string(), HINT))?;
        Token::from_integer(number)
    } else {
        return Err(wrong_type("token", "str or int", given));
    };
    parsed.map_err(|error| usage(py, &error.to_string(), HINT))
}

pub(crate) fn url(given: &Bound<'_, PyAny>, plain_http: bool) -> PyResult<BaseUrl> {
    let text = text("host", given)?;
    match (BaseUrl::parse(&text), BaseUrl::parse_plain_http(&text)) {
        (Ok(url), _) => Ok(url),
        (Err(_), Ok(url)) if plain_http => Ok(url),
        (Err(error), Ok(_)) => Err(usage(
            given.py(),
            &error.to_string(),
            "use a tunnel (ssh -L), or pass plain_http=True if the way there is protected",
        )),
        (Err(error), Err(_)) => Err(usage(
            given.py(),
            &error.to_string(),
            "an address looks like http://localhost:8051",
        )),
    }
}

/// `bytes` is for account names that are not UTF-8.
pub(crate) fn user(given: &Bound<'_, PyAny>) -> PyResult<User> {
    let name = match given.cast::<PyBytes>() {
        Ok(bytes) => Cow::Borrowed(bytes.as_bytes()),
        Err(_) if given.is_instance_of::<PyString>() => {
            Cow::Owned(text("user", given)?.as_bytes().to_vec())
        }
        Err(_) => return Err(wrong_type("user", "str or bytes", given)),
    };
    User::new(name).map_err(|error| {
        usage(given.py(), &error.to_string(), "it is the account that started the safe")
    })
}

pub(crate) fn timeout(given: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let py = given.py();
    if !given.is_instance_of::<PyFloat>() && !is_integer(given) {
        return Err(wrong_type("timeout", "float", given));
    }
    let seconds = given.extract().unwrap_or(f64::NAN);
    Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero()).ok_or_else(
        || usage(py, "the timeout is no time", "pass a positive number of seconds, such as 5.0"),
    )
}

pub(crate) fn trusted_server(
    given: Option<&Bound<'_, PyAny>>,
    any_owner: bool,
) -> PyResult<TrustedServer> {
    match given {
        None if any_owner => Ok(TrustedServer::Anyone),
        None => Ok(TrustedServer::SameUser),
        Some(given) if any_owner => Err(usage(
            given.py(),
            "either one account is trusted or all are",
            "pass owner or any_owner, not both",
        )),
        Some(given) => account(given).map(TrustedServer::Uid),
    }
}

/// An account by number, or by name as the command line takes it: a number is one, too.
fn account(given: &Bound<'_, PyAny>) -> PyResult<u32> {
    let py = given.py();
    let unknown = || {
        usage(
            py,
            "this machine has no account of that name or number",
            "pass a name that 'getent passwd' knows, or a number",
        )
    };
    if is_integer(given) {
        return given.extract().map_err(|_| unknown());
    }
    if !given.is_instance_of::<PyString>() {
        return Err(wrong_type("owner", "str or int", given));
    }
    let named = py.import("pwd").and_then(|pwd| pwd.call_method1("getpwnam", (given,)));
    match named {
        Ok(entry) => entry.getattr("pw_uid")?.extract(),
        Err(error)
            if error.is_instance_of::<PyKeyError>(py)
                || error.is_instance_of::<PyValueError>(py)
                || error.is_instance_of::<PyImportError>(py) =>
        {
            text("owner", given)?.parse().map_err(|_| unknown())
        }
        Err(error) => Err(error),
    }
}

/// A `str` that can be encoded, which those with lone surrogates cannot.
pub(crate) fn text<'a>(name: &str, given: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    let Ok(string) = given.cast::<PyString>() else {
        return Err(wrong_type(name, "str", given));
    };
    // Python's own error would hold the string.
    string.to_cow().map_err(|_| {
        let what = format!("the {name} is not valid text");
        usage(given.py(), &what, "it contains a lone surrogate, which no UTF-8 has")
    })
}

/// Whether it is an integer of any library's, and not a truth value.
fn is_integer(given: &Bound<'_, PyAny>) -> bool {
    if given.is_instance_of::<PyBool>() {
        return false;
    }
    given.is_instance_of::<PyInt>() || given.get_type().hasattr("__index__").unwrap_or(false)
}

fn wrong_type(name: &str, wanted: &str, given: &Bound<'_, PyAny>) -> PyErr {
    let got = given.get_type().name().map_or_else(|_| "that".to_owned(), |it| it.to_string());
    PyTypeError::new_err(format!("{name} must be {wanted}, not {got}"))
}

fn usage(py: Python<'_>, what: &str, hint: &str) -> PyErr {
    Class::Usage.error(py, &sentences(what, hint))
}
