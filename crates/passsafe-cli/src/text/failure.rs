//! Every error that a person sees: two lines, and an exit code.
//!
//! `error:` says what happened, `hint:` what to do next. Neither ever contains a secret;
//! the one exception is deliberate and argued in core's `passphrase/typo.rs`.

use std::fmt;
use std::process::ExitCode;

/// Exit codes, after BSD's `sysexits.h` where it has a fitting one.
pub(crate) mod code {
    /// Wrong usage: flags, minutes, tokens, addresses.
    pub(crate) const USAGE: u8 = 2;
    /// The record does not open.
    pub(crate) const DATA: u8 = 65;
    /// There is nothing to read from.
    pub(crate) const NO_INPUT: u8 = 66;
    /// The account name cannot be used.
    pub(crate) const NO_USER: u8 = 67;
    /// No safe there, or the port is busy.
    pub(crate) const UNAVAILABLE: u8 = 69;
    /// The system refused something that normally works.
    pub(crate) const OS: u8 = 71;
    /// The answer could not be written.
    pub(crate) const IO: u8 = 74;
    /// No answer in time.
    pub(crate) const TIMEOUT: u8 = 75;
    /// The server is not passsafe.
    pub(crate) const PROTOCOL: u8 = 76;
    /// The safe refused.
    pub(crate) const REFUSED: u8 = 77;
    /// `run`: anything that failed before the program started.
    pub(crate) const BEFORE_PROGRAM: u8 = 125;
    /// `run`: the program cannot be executed.
    pub(crate) const NOT_EXECUTABLE: u8 = 126;
    /// `run`: there is no such program.
    pub(crate) const NOT_FOUND: u8 = 127;
    /// Ended by a signal: this plus the signal's number.
    pub(crate) const SIGNAL: u8 = 128;
}

/// What is left to do where nothing better is known.
pub(crate) const REFUSED: &str = "the system refused it; try again";

/// What happened, what to do next, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    hint: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }

    /// For what only fails when the system is in a bad state.
    pub(crate) fn os(what: &str, error: impl fmt::Display) -> Self {
        Self::new(code::OS, format!("{what}: {error}"), REFUSED)
    }

    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Adds to the hint.
    pub(crate) fn with_more(self, more: &str) -> Self {
        let hint = format!("{}; {more}", self.hint);
        Self { hint, ..self }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// The exit code of `env` and `docker run` for what fails before the program starts, so that
    /// the program's own codes stay recognisable.
    #[cfg(unix)]
    pub(crate) fn before_program(self) -> Self {
        match self.code {
            code::NOT_EXECUTABLE | code::NOT_FOUND => self,
            _ => self.with_code(code::BEFORE_PROGRAM),
        }
    }
}

/// The two lines.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, hint) = (printable(&self.message), printable(&self.hint));
        write!(f, "error: {message}\nhint: {hint}\n")
    }
}

/// The text on one line and without control sequences, which may come from arguments.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let (plain, escaped) =
                if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_argument_can_add_a_line_or_move_the_cursor() {
        assert_eq!(printable("no\nsuch\x1b[2J ä"), "no\\nsuch\\u{1b}[2J ä");
    }
}
