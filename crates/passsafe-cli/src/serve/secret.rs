//! Where the password comes from: a person, or standard input.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, stdin};
use std::os::fd::AsFd as _;

use passsafe_core::{Entries, EntriesError, EntryName, Secret};
use zeroize::Zeroizing;

use crate::failure::{Failure, code};
use crate::terminal::{Terminal, nobody_to_ask};

pub(super) enum Source {
    Terminal(Terminal),
    Stdin,
}

impl Source {
    pub(super) fn choose(stdin_wanted: bool, terminal: Option<Terminal>) -> Result<Self, Failure> {
        match terminal {
            _ if stdin_wanted && stdin().is_terminal() => Err(Failure::new(
                code::USAGE,
                "--password-stdin wants a pipe or a file, and standard input is a terminal",
                "leave the flag out to be asked for the password, hidden",
            )),
            _ if stdin_wanted => Ok(Self::Stdin),
            Some(terminal) => Ok(Self::Terminal(terminal)),
            None => Err(nobody_to_ask(
                "the password",
                "pass it through a pipe: passsafe serve --password-stdin, with --json or -- CMD",
            )),
        }
    }

    /// Reads the password. Never an empty one.
    pub(super) fn read(&self) -> Result<Entries, Failure> {
        let secret = match self {
            Self::Terminal(terminal) => {
                let mut line = terminal.ask_hidden_twice("Password", "Password, once more")?;
                Secret::from(std::mem::take(&mut *line).into_bytes())
            }
            Self::Stdin => read_stdin()?,
        };
        if secret.is_empty() {
            return Err(Failure::new(
                code::USAGE,
                "the password is empty",
                "pipe the password itself into passsafe serve --password-stdin",
            ));
        }
        Entries::new([(EntryName::password(), secret)]).map_err(|error| refused(&error))
    }
}

/// All of standard input but one final line end. Longer input than a safe holds is refused
/// as soon as that shows, not read to its end.
fn read_stdin() -> Result<Secret, Failure> {
    const MOST: usize = Entries::MAX_VALUE_BYTES + b"\r\n".len();
    // One byte more than may be, in a buffer that never moves.
    let mut bytes = Zeroizing::new(vec![0; MOST + 1]);
    let mut filled = 0;
    let mut input = unbuffered_stdin().map_err(|error| unreadable(&error))?;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
    bytes.truncate(filled);
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(Secret::from(std::mem::take(&mut *bytes)))
}

/// std's own handle keeps what it read in a buffer that nobody wipes.
fn unbuffered_stdin() -> io::Result<File> {
    stdin().as_fd().try_clone_to_owned().map(File::from)
}

fn refused(error: &EntriesError) -> Failure {
    Failure::new(code::USAGE, error.to_string(), "a safe holds 65,536 bytes of secrets")
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(
        code::NO_INPUT,
        format!("standard input cannot be read: {error}"),
        "pipe the password into passsafe serve --password-stdin",
    )
}
