//! From arguments to a [`Cli`], and from clap's errors to two lines.

use std::error::Error as _;
use std::ffi::OsString;

#[cfg(unix)]
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, FromArgMatches as _};
use passsafe_core::EntryName;

use crate::cli::args::Cli;
use crate::cli::help;
#[cfg(unix)]
use crate::cli::hidden::{LAUNCHER_VERB, LauncherArgs, SERVER_VERB, ServerArgs};
use crate::cli::nearest::nearest;
use crate::os::streams;
use crate::text::failure::{Failure, code};

/// Commands of other programs, and what does the same here.
const ELSEWHERE: [(&[&str], &str); 6] = [
    (&["stop", "kill", "end", "exit", "quit"], "passsafe close"),
    (&["list", "ls"], "passsafe status' or 'passsafe get --list"),
    (&["info", "state"], "passsafe status"),
    (&["version"], "passsafe --version"),
    (&["start", "open", "new"], "passsafe serve"),
    (&["fetch", "exec"], "passsafe get' or 'passsafe run"),
];

/// What the command line asks for.
pub(crate) enum Asked {
    Verb(Box<Cli>),
    /// What `serve` becomes; started by passsafe itself.
    #[cfg(unix)]
    Server(ServerArgs),
    /// What waits to become the program of `serve -- CMD`; started by passsafe itself.
    #[cfg(unix)]
    Launcher(LauncherArgs),
    /// Help or version, which has been printed.
    Answered,
}

/// Parses the command line.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Asked, Failure> {
    let args: Vec<OsString> = args.collect();
    #[cfg(unix)]
    match args.get(1) {
        Some(verb) if verb == SERVER_VERB => return inner(args).map(Asked::Server),
        Some(verb) if verb == LAUNCHER_VERB => return inner(args).map(Asked::Launcher),
        _ => {}
    }
    let mut command = help::command();
    let parsed = command.try_get_matches_from_mut(&args).and_then(|mut matches| {
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    });
    match parsed {
        Ok(cli) => Ok(Asked::Verb(Box::new(cli))),
        Err(error) if !error.use_stderr() => {
            streams::write(error.render().to_string().as_bytes())?;
            Ok(Asked::Answered)
        }
        Err(error) => {
            let failure = explain(&error, &command, verb(&args));
            Err(if runs_a_program(&args) {
                failure.with_code(code::BEFORE_PROGRAM)
            } else {
                failure
            })
        }
    }
}

/// A command line that passsafe wrote itself.
#[cfg(unix)]
fn inner<A: Parser>(args: Vec<OsString>) -> Result<A, Failure> {
    A::try_parse_from(args.into_iter().skip(1))
        .map_err(|error| explain(&error, &help::command(), None))
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

fn explain(error: &clap::Error, command: &Command, verb: Option<&str>) -> Failure {
    let argument = text(error, ContextKind::InvalidArg);
    let is_verb = |word: &&str| !word.starts_with('-') && verb.is_none_or(|it| it == *word);
    match argument.filter(is_verb) {
        Some(word) => misplaced(word, command),
        None => Failure::new(code::USAGE, message(error), hint(error, command, verb)),
    }
}

/// `serve` may be left out and takes a program, so clap reports an unknown verb as an argument.
fn misplaced(word: &str, command: &Command) -> Failure {
    if command.find_subcommand(word).is_some() {
        let message = format!("the command '{word}' comes before all options");
        return Failure::new(code::USAGE, message, see_help(command, Some(word)));
    }
    let hint = verb_hint(word, command).unwrap_or_else(|| see_help(command, None));
    Failure::new(code::USAGE, format!("unrecognized subcommand '{word}'"), hint)
}

/// What clap found, in its words but on one line.
fn message(error: &clap::Error) -> String {
    let kind = error.kind();
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    match (kind, error.get(ContextKind::InvalidArg), error.get(ContextKind::PriorArg)) {
        (ErrorKind::MissingRequiredArgument, Some(missing), _) => {
            format!("the following required arguments were not provided: {}", list(missing, " "))
        }
        (ErrorKind::ArgumentConflict, Some(argument), prior) if prior == Some(argument) => {
            format!("the argument '{argument}' cannot be used multiple times")
        }
        (ErrorKind::ArgumentConflict, Some(argument), Some(prior)) => {
            format!("the argument '{argument}' cannot be used with '{}'", list(prior, "', '"))
        }
        (ErrorKind::InvalidValue, Some(argument), _) if value.is_empty() => {
            format!("a value is required for '{argument}' but none was supplied")
        }
        (ErrorKind::InvalidValue, Some(argument), _) => {
            let known = error.get(ContextKind::ValidValue).map(|it| list(it, ", "));
            let known = known.map_or_else(String::new, |it| format!(" [possible values: {it}]"));
            format!("invalid value '{value}' for '{argument}'{known}")
        }
        (ErrorKind::ValueValidation, Some(argument), _) => {
            let reason = error.source().map_or_else(String::new, |it| format!(": {it}"));
            format!("invalid value '{value}' for '{argument}'{reason}")
        }
        (ErrorKind::TooManyValues, Some(argument), _) => {
            format!("unexpected value '{value}' for '{argument}' found; no more were expected")
        }
        (ErrorKind::UnknownArgument, Some(argument), _) => {
            format!("unexpected argument '{argument}' found")
        }
        // Without particulars, or none that these definitions cause.
        _ => kind.to_string(),
    }
}

fn list(values: &ContextValue, between: &str) -> String {
    match values {
        ContextValue::Strings(values) => values.join(between),
        value => value.to_string(),
    }
}

/// The nearest known word, or where to read on.
fn hint(error: &clap::Error, command: &Command, verb: Option<&str>) -> String {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            verb_hint(word, command)
        }
        ErrorKind::UnknownArgument => {
            let word = text(error, ContextKind::InvalidArg).unwrap_or_default();
            flag_hint(word, command, verb)
        }
        ErrorKind::InvalidValue => {
            let word = text(error, ContextKind::InvalidValue).unwrap_or_default();
            let values = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(values)) => values.as_slice(),
                _ => &[],
            };
            nearest(word, values.iter().map(String::as_str)).map(did_you_mean)
        }
        _ => None,
    }
    .unwrap_or_else(|| see_help(command, verb))
}

fn verb_hint(word: &str, command: &Command) -> Option<String> {
    if let Some((_, here)) = ELSEWHERE.iter().find(|(others, _)| others.contains(&word)) {
        return Some(did_you_mean(here));
    }
    let known = command.get_subcommands().map(Command::get_name);
    nearest(word, known).map(did_you_mean).or_else(|| {
        EntryName::new(word).ok()?;
        Some(format!("a secret's name comes after the verb: passsafe serve {word}"))
    })
}

fn flag_hint(word: &str, command: &Command, verb: Option<&str>) -> Option<String> {
    // clap reports a surplus word, or the program of `run`, as an argument too.
    if verb == Some("run") && !word.starts_with('-') {
        return Some(format!("the program comes after --: passsafe run … -- {word}"));
    }
    let name = word.strip_prefix("--")?;
    let name = name.split('=').next().unwrap_or_default();
    let current = verb.and_then(|verb| command.find_subcommand(verb)).unwrap_or(command);
    if let Some(near) = nearest(name, flags(current)) {
        return Some(did_you_mean(&format!("--{near}")));
    }
    let verbs: Vec<String> = command
        .get_subcommands()
        .filter(|it| flags(it).any(|flag| flag == name))
        .map(|it| format!("'passsafe {}'", it.get_name()))
        .collect();
    let (last, others) = verbs.split_last()?;
    Some(match others {
        [] => format!("--{name} goes with {last}"),
        _ => format!("--{name} goes with {} and {last}", others.join(", ")),
    })
}

fn flags(command: &Command) -> impl Iterator<Item = &str> {
    command.get_arguments().filter_map(Arg::get_long)
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean '{near}'?")
}

fn see_help(command: &Command, verb: Option<&str>) -> String {
    match verb.filter(|verb| command.find_subcommand(verb).is_some()) {
        Some(verb) => format!("see 'passsafe {verb} --help'"),
        None => "see 'passsafe --help'".to_owned(),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}
