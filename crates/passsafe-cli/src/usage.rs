//! From arguments to a [`Cli`], and from clap's errors to two lines.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use passsafe_core::EntryName;

use crate::args::Cli;
#[cfg(unix)]
use crate::args::{GateArgs, ServingArgs};
use crate::failure::{Failure, code};
use crate::output;
#[cfg(unix)]
use crate::serve::{GATE_VERB, SERVING_VERB};

/// What the command line asks for.
pub(crate) enum Command {
    Verb(Box<Cli>),
    /// What `serve` becomes; started by passsafe itself.
    #[cfg(unix)]
    Serving(ServingArgs),
    /// What waits to become the program of `serve -- CMD`; started by passsafe itself.
    #[cfg(unix)]
    Gate(GateArgs),
    /// Help or version, which has been printed.
    Answered,
}

/// Parses the command line.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let args: Vec<OsString> = args.collect();
    #[cfg(unix)]
    if args.get(1).is_some_and(|verb| verb == SERVING_VERB) {
        let rest = args.into_iter().skip(1);
        return ServingArgs::try_parse_from(rest)
            .map(Command::Serving)
            .map_err(|error| explain(&error, None));
    }
    #[cfg(unix)]
    if args.get(1).is_some_and(|verb| verb == GATE_VERB) {
        let rest = args.into_iter().skip(1);
        return GateArgs::try_parse_from(rest)
            .map(Command::Gate)
            .map_err(|error| explain(&error, None));
    }
    match Cli::try_parse_from(&args) {
        Ok(cli) => Ok(Command::Verb(Box::new(cli))),
        Err(error) if !error.use_stderr() => {
            output::write(error.render().to_string().as_bytes())?;
            Ok(Command::Answered)
        }
        Err(error) => {
            let failure = explain(&error, verb(&args));
            Err(if runs_a_program(&args) { failure.with_code(code::BEFORE_CHILD) } else { failure })
        }
    }
}

/// The verb as typed, if it is the first argument.
fn verb(args: &[OsString]) -> Option<&str> {
    args.get(1).and_then(|verb| verb.to_str()).filter(|verb| !verb.starts_with('-'))
}

/// Whether the exit code is a program's: of `run`, and of `serve -- CMD`.
fn runs_a_program(args: &[OsString]) -> bool {
    match verb(args) {
        Some("run") => true,
        Some("serve") | None => args.iter().any(|arg| arg == "--"),
        Some(_) => false,
    }
}

fn explain(error: &clap::Error, verb: Option<&str>) -> Failure {
    let known_verb = verb.filter(|_| error.kind() != ErrorKind::InvalidSubcommand);
    Failure::new(code::USAGE, message(error), hint(error, known_verb))
}

/// clap's own first paragraph, on one line.
fn message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").map(str::to_owned).unwrap_or(line)
}

fn hint(error: &clap::Error, verb: Option<&str>) -> String {
    let suggestion = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand]
        .into_iter()
        .find_map(|kind| error.get(kind))
        .and_then(|value| match value {
            ContextValue::String(name) => Some(name.as_str()),
            ContextValue::Strings(names) => names.first().map(String::as_str),
            _ => None,
        });
    if let (None, Some(name)) = (suggestion, secrets_name(error)) {
        return format!("a secret's name comes after the verb: passsafe serve {name}");
    }
    match (suggestion, verb) {
        (Some(name), _) => format!("did you mean '{name}'?"),
        (None, Some(verb)) => format!("see 'passsafe {verb} --help'"),
        (None, None) => "see 'passsafe --help'".to_owned(),
    }
}

/// What was taken for a verb, and can only be a name.
fn secrets_name(error: &clap::Error) -> Option<&str> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let is_verb = Cli::command().find_subcommand(word).is_some();
    Some(word.as_str()).filter(|word| !is_verb && EntryName::new(word).is_ok())
}
