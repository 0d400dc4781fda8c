//! The terminal: the only place that asks a person anything.
//!
//! Rules:
//! - The keyboard is standard input, and only if that is a terminal that this program has
//!   in the foreground: in the background, in cron or behind a pipe there is an error, never
//!   a question that hangs.
//! - Questions go to stderr, or to the controlling terminal where stderr is redirected.
//!   Nothing is ever asked on stdout, which belongs to the answer.
//! - Echo is off before a hidden question is shown, and whatever ends the program there
//!   leaves the terminal as it was found (see `echo`).
//! - dialoguer words the prompts; the lines are read here. Its own reader shows the prompt
//!   before it turns the echo off, takes the end of input for an empty line and asks for
//!   ever, and leaves a copy of each password in the standard library's buffer.

mod echo;
mod line;

use std::fmt::Display;
use std::io::{IsTerminal as _, stderr, stdin};

use console::Term;
use dialoguer::theme::{SimpleTheme, Theme as _};
use zeroize::Zeroizing;

use crate::text::failure::{Failure, code};
use crate::text::wrap;
use echo::{Echo, PromptModes};

/// A person who can be asked.
pub(crate) struct Terminal {
    term: Term,
}

impl Terminal {
    /// The terminal, if there is a person at it.
    pub(crate) fn open() -> Option<Self> {
        if !stdin().is_terminal() || !echo::in_foreground() {
            return None;
        }
        let term = if stderr().is_terminal() { Term::stderr() } else { controlling_terminal()? };
        Some(Self { term })
    }

    /// Asks for a hidden line until `parse` is content. Never empty.
    pub(crate) fn ask_hidden<T, E: Display>(
        &self,
        question: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let modes = PromptModes::set(&self.term, Echo::Off)?;
        loop {
            let line = self.hidden_line(&modes, question)?;
            match parse(&line) {
                Ok(value) => return Ok(value),
                Err(error) => self.show_error(&error.to_string())?,
            }
        }
    }

    /// Asks for a hidden line twice, until both are the same. Never empty.
    pub(crate) fn ask_hidden_twice(
        &self,
        question: &str,
        again: &str,
    ) -> Result<Zeroizing<String>, Failure> {
        let modes = PromptModes::set(&self.term, Echo::Off)?;
        loop {
            let line = self.hidden_line(&modes, question)?;
            if *line == *self.hidden_line(&modes, again)? {
                return Ok(line);
            }
            self.show_error("they differ; type the same twice")?;
        }
    }

    /// Asks for a visible line that nothing replaces. Never empty.
    pub(crate) fn ask_shown(&self, question: &str) -> Result<Zeroizing<String>, Failure> {
        let modes = PromptModes::set(&self.term, Echo::On)?;
        loop {
            self.show(|text| SimpleTheme.format_input_prompt(text, question, None))?;
            if let Some(text) = line::typed(&line::read(&modes)?)? {
                return Ok(text);
            }
        }
    }

    /// Asks for a visible line until `parse` is content; an empty one means `default`.
    pub(crate) fn ask<T, E: Display>(
        &self,
        question: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let modes = PromptModes::set(&self.term, Echo::On)?;
        loop {
            self.show(|text| SimpleTheme.format_input_prompt(text, question, Some(default)))?;
            let line = line::read(&modes)?;
            // What is not text is nonsense like any other.
            let answer = line.text().unwrap_or("?");
            match parse(if answer.is_empty() { default } else { answer }) {
                Ok(value) => return Ok(value),
                Err(error) => self.show_error(&error.to_string())?,
            }
        }
    }

    /// Waits until Enter is pressed; what is typed before it is forgotten.
    pub(crate) fn wait_for_enter(&self, prompt: &str) -> Result<(), Failure> {
        let modes = PromptModes::set(&self.term, Echo::On)?;
        self.write(&format!("{prompt}: "))?;
        line::read(&modes).map(drop)
    }

    fn hidden_line(
        &self,
        modes: &PromptModes<'_>,
        question: &str,
    ) -> Result<Zeroizing<String>, Failure> {
        loop {
            self.show(|text| SimpleTheme.format_password_prompt(text, question))?;
            let line = line::read(modes);
            // The line feed that the person typed was not echoed either.
            self.write("\n")?;
            if let Some(text) = line::typed(&line?)? {
                return Ok(text);
            }
        }
    }

    fn show_error(&self, error: &str) -> Result<(), Failure> {
        let columns = self.term.size_checked().map_or(usize::MAX, |(_, columns)| columns.into());
        self.write(&wrap::message(&format!("{error}\n"), columns))
    }

    fn show(&self, format: impl FnOnce(&mut String) -> std::fmt::Result) -> Result<(), Failure> {
        let mut text = String::new();
        format(&mut text).map_err(|error| line::unusable(&error))?;
        self.write(&text)
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        self.term.write_str(text).map_err(|error| line::unusable(&error))
    }
}

/// There is no terminal for a question; `hint` names what replaces the answer.
pub(crate) fn no_terminal(what: &str, hint: impl Into<String>) -> Failure {
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
