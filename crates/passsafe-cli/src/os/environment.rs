//! The variables that stand in for a prompt, read here and nowhere else.

#![expect(clippy::disallowed_methods, reason = "the one place where the command reads variables")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use zeroize::{Zeroize as _, Zeroizing};

use super::patience::within;
use crate::text::failure::{Failure, code};

/// Every variable of passsafe starts so; `run` keeps them from the child.
pub(crate) const PREFIX: &str = "PASSSAFE_";

pub(crate) const PASSPHRASE: &str = "PASSSAFE_PASSPHRASE";
pub(crate) const PASSPHRASE_FILE: &str = "PASSSAFE_PASSPHRASE_FILE";
pub(crate) const TOKEN: &str = "PASSSAFE_TOKEN";
#[cfg(unix)]
pub(crate) const URL: &str = "PASSSAFE_URL";
#[cfg(unix)]
pub(crate) const USER: &str = "PASSSAFE_USER";
#[cfg(unix)]
pub(crate) const OWNER: &str = "PASSSAFE_OWNER";

/// Bytes; far above six words. Keeps a mistaken path from being read to its end.
const MAX_PASSPHRASE_FILE: usize = 64 * 1024;
/// One byte more shows that there is more.
const MAX_READ: u64 = 64 * 1024 + 1;
/// How long a file may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The passphrase from `PASSSAFE_PASSPHRASE` or the file that `PASSSAFE_PASSPHRASE_FILE`
/// names, if one of them is set.
pub(crate) fn passphrase() -> Result<Option<Zeroizing<String>>, Failure> {
    match (text(PASSPHRASE)?, std::env::var_os(PASSPHRASE_FILE)) {
        (Some(_), Some(_)) => Err(Failure::new(
            code::USAGE,
            format!("{PASSPHRASE} and {PASSPHRASE_FILE} are both set"),
            "unset one of them",
        )),
        (passphrase, None) => Ok(passphrase),
        (None, Some(path)) => passphrase_file(Path::new(&path)).map(Some),
    }
}

/// The token from `PASSSAFE_TOKEN`, if it is set.
pub(crate) fn token() -> Result<Option<Zeroizing<String>>, Failure> {
    text(TOKEN)
}

/// The folders in which programs are looked for.
#[cfg(unix)]
pub(crate) fn path() -> Option<OsString> {
    std::env::var_os("PATH")
}

/// The environment without passsafe's own variables.
#[cfg(unix)]
pub(crate) fn without_ours() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}

/// All of the environment.
#[cfg(unix)]
pub(crate) fn whole() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The few variables that a terminal program needs and that hold no secrets.
#[cfg(unix)]
pub(crate) fn for_the_terminal() -> impl Iterator<Item = (OsString, OsString)> {
    const NAMES: [&str; 5] = ["TERM", "COLORTERM", "NO_COLOR", "LANG", "TZ"];
    std::env::vars_os().filter(|(name, _)| {
        let name = name.as_encoded_bytes();
        name.starts_with(b"LC_") || NAMES.iter().any(|it| it.as_bytes() == name)
    })
}

/// Whether the terminal, if there is one, cannot move its cursor.
#[cfg(unix)]
pub(crate) fn is_dumb_terminal() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// See <https://no-color.org>.
#[cfg(unix)]
pub(crate) fn refuses_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the locale is one of UTF-8: the first of these variables that is set decides.
#[cfg(unix)]
pub(crate) fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_string_lossy().to_ascii_lowercase();
            value.ends_with("utf-8") || value.ends_with("utf8")
        })
}

fn text(name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    match value.into_string() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(value) => {
            value.into_encoded_bytes().zeroize();
            Err(Failure::new(code::USAGE, format!("{name} is not UTF-8"), "set it to plain text"))
        }
    }
}

/// Reads at most a little more than the limit, and not for long: a FIFO without a writer would
/// block for ever.
fn passphrase_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |reason: &str| {
        Failure::new(
            code::NO_INPUT,
            format!("the file that {PASSPHRASE_FILE} names cannot be read: {reason}"),
            "check its path and permissions",
        )
    };
    let path = path.to_owned();
    let read = within(PATIENCE, move || {
        let mut text = Zeroizing::new(String::with_capacity(MAX_PASSPHRASE_FILE + 1));
        File::open(path).and_then(|file| file.take(MAX_READ).read_to_string(&mut text))?;
        Ok::<_, io::Error>(text)
    });
    match read.and_then(|read| read) {
        Ok(text) if text.len() > MAX_PASSPHRASE_FILE => Err(unreadable("it is longer than 64 KiB")),
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            Err(unreadable("nothing came from it within 5 s"))
        }
        Err(error) => Err(unreadable(&error.to_string())),
    }
}
