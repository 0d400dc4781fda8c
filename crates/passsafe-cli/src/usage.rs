//! From arguments to a [`Cli`], and from clap's errors to two lines.

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::Cli;
use crate::failure::{Failure, code};

/// Parses the command line; `None` when help or version was printed.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Option<Cli>, Failure> {
    let args: Vec<OsString> = args.collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if !error.use_stderr() => {
            // Help or version: an answer, on stdout.
            error
                .print()
                .map_err(|error| Failure::new(code::IO, error.to_string(), "write it elsewhere"))?;
            Ok(None)
        }
        Err(error) => Err(explain(&error, verb(&args))),
    }
}

/// The verb as typed, if it is the first argument.
fn verb(args: &[OsString]) -> Option<&str> {
    args.get(1).and_then(|verb| verb.to_str()).filter(|verb| !verb.starts_with('-'))
}

fn explain(error: &clap::Error, verb: Option<&str>) -> Failure {
    let known_verb = verb.filter(|_| error.kind() != ErrorKind::InvalidSubcommand);
    let code = if verb == Some("run") { code::BEFORE_CHILD } else { code::USAGE };
    Failure::new(code, message(error), hint(error, known_verb))
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
    match (suggestion, verb) {
        (Some(name), _) => format!("did you mean '{name}'?"),
        (None, Some(verb)) => format!("see 'passsafe {verb} --help'"),
        (None, None) => "see 'passsafe --help'".to_owned(),
    }
}
