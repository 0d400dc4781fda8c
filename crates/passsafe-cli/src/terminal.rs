//! The terminal: the only place that asks a person anything.
//!
//! Rules:
//! - The keyboard is standard input, and only if that is a terminal: a program in the
//!   background, in cron or behind a pipe gets an error, never a question that hangs.
//! - Questions go to stderr, or to the controlling terminal where stderr is redirected.
//!   Nothing is ever asked on stdout, which belongs to the answer.
//! - Ctrl-C, Ctrl-D and every deadly signal leave the terminal with its echo back on
//!   (see [`modes`]).
//! - Hidden lines are read by dialoguer. The visible one is read in the terminal's own line
//!   mode, because dialoguer reads it key by key and passes over Ctrl-D.

mod modes;

use std::fmt::Display;
use std::io::{IsTerminal as _, stderr, stdin};

use console::Term;
use dialoguer::Password;
use zeroize::Zeroizing;

use crate::failure::{Failure, code};
use modes::PromptModes;

/// Bytes of the longest line that a terminal in line mode delivers; what is typed beyond
/// is dropped without a word. Linux: 4,096 with the line feed. macOS: 1,024.
const MAX_LINE: usize = if cfg!(target_os = "linux") { 4_095 } else { 1_023 };

/// A person who can be asked.
pub(crate) struct Terminal {
    term: Term,
}

impl Terminal {
    /// The terminal, if there is a person at it.
    pub(crate) fn open() -> Option<Self> {
        if !stdin().is_terminal() {
            return None;
        }
        let term = if stderr().is_terminal() { Term::stderr() } else { controlling_terminal()? };
        Some(Self { term })
    }

    /// Asks for a hidden line until `check` is content. Never empty.
    pub(crate) fn ask_hidden<E: Display>(
        &self,
        prompt: &str,
        check: impl Fn(&str) -> Result<(), E>,
    ) -> Result<Zeroizing<String>, Failure> {
        let validator = |line: &String| check(line).map_err(|error| error.to_string());
        self.hidden(Password::new().with_prompt(prompt).validate_with(validator))
    }

    /// Asks for a hidden line twice, until both are the same. Never empty.
    pub(crate) fn ask_hidden_twice(
        &self,
        prompt: &str,
        again: &str,
    ) -> Result<Zeroizing<String>, Failure> {
        let differ = "they differ; type it twice the same";
        self.hidden(Password::new().with_prompt(prompt).with_confirmation(again, differ))
    }

    fn hidden(&self, password: Password<'_>) -> Result<Zeroizing<String>, Failure> {
        let _modes = PromptModes::set()?;
        let line = password.report(false).interact_on(&self.term).map_err(unreadable)?;
        let line = Zeroizing::new(line);
        if line.len() < MAX_LINE { Ok(line) } else { Err(too_long()) }
    }

    /// Asks for a visible line until `parse` is content; an empty one means `default`.
    pub(crate) fn ask<T, E: Display>(
        &self,
        prompt: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let _modes = PromptModes::set()?;
        loop {
            self.write(&format!("{prompt} [{default}]: "))?;
            let mut line = String::new();
            let end_of_input = stdin().read_line(&mut line).map_err(unreadable)? == 0;
            if end_of_input {
                return Err(hung_up());
            }
            let answer = if line.trim().is_empty() { default } else { &line };
            match parse(answer) {
                Ok(value) => return Ok(value),
                Err(error) => self.write(&format!("{error}\n"))?,
            }
        }
    }

    /// Waits until Enter is pressed; what is typed before it is forgotten.
    pub(crate) fn wait_for_enter(&self, prompt: &str) -> Result<(), Failure> {
        let _modes = PromptModes::set()?;
        self.write(&format!("{prompt}: "))?;
        let end_of_input = stdin().read_line(&mut String::new()).map_err(unreadable)? == 0;
        if end_of_input { Err(hung_up()) } else { Ok(()) }
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        self.term.write_str(text).map_err(unreadable)
    }
}

/// For a question that nobody is there to answer; `hint` names what replaces it.
pub(crate) fn nobody_to_ask(what: &str, hint: &str) -> Failure {
    Failure::new(code::NO_INPUT, format!("there is no terminal to ask for {what}"), hint)
}

#[cfg(unix)]
fn controlling_terminal() -> Option<Term> {
    let tty = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    let for_writing = tty.try_clone().ok()?;
    Some(Term::read_write_pair(tty, for_writing))
}

#[cfg(not(unix))]
fn controlling_terminal() -> Option<Term> {
    None
}

fn unreadable(error: impl Display) -> Failure {
    Failure::new(
        code::NO_INPUT,
        format!("the terminal cannot be read: {error}"),
        "pass what is not plain text through a pipe or a file",
    )
}

fn hung_up() -> Failure {
    Failure::new(code::NO_INPUT, "the input ended at a prompt", "start again and type an answer")
}

fn too_long() -> Failure {
    Failure::new(
        code::USAGE,
        format!("a terminal line carries less than {MAX_LINE} bytes, and the rest is lost"),
        "pass longer secrets through a pipe: passsafe serve --password-stdin",
    )
}
