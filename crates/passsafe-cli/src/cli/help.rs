//! The command line as people see it: the definitions of `args.rs`, with examples first.
//!
//! `-h`, `--help`, completions, manual pages and the reference in `docs/cli.md` all start
//! from [`command()`].

pub(crate) mod pages;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory as _};

use crate::cli::args::{Cli, HelpArgs};
use crate::os::streams;
use crate::text::failure::Failure;
use pages::{PAGES, Page, VARIABLES, Variable};

/// Columns. A wider terminal is not used, because lines of 100 letters are hard to read.
const MAX_WIDTH: usize = 80;

/// Verbs whose argument is a verb.
const EXPLAINERS: [&str; 2] = ["help", "man"];

/// The definition of the command line, with all that help tells.
pub(crate) fn command() -> Command {
    let mut command = with_page(Cli::command(), "")
        .max_term_width(MAX_WIDTH)
        // They do not fit on the screen, and `passsafe serve -h` has them.
        .mut_args(|argument| argument.hide_short_help(true));
    let verbs = PAGES.iter().map(|page| page.verb).filter(|verb| !verb.is_empty());
    for verb in verbs.clone() {
        command = command.mut_subcommand(verb, |it| {
            let it = with_page(it, verb).max_term_width(MAX_WIDTH);
            if !EXPLAINERS.contains(&verb) {
                return it;
            }
            let values = PossibleValuesParser::new(verbs.clone());
            it.mut_arg("verb", |verb| verb.value_parser(values).hide_possible_values(true))
        });
    }
    command
}

/// `passsafe help [COMMAND]`.
pub(crate) fn print(args: &HelpArgs) -> Result<(), Failure> {
    let mut command = command();
    // Gives the verbs their full names.
    command.build();
    let verb = args.verb.as_deref().and_then(|verb| command.find_subcommand_mut(verb));
    let text = match verb {
        Some(verb) => verb.render_long_help(),
        None => command.render_long_help(),
    };
    streams::write(text.to_string().as_bytes())
}

/// The variables that a verb reads.
pub(crate) fn variables(verb: &str) -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().filter(move |variable| variable.verbs.contains(&verb))
}

fn with_page(command: Command, verb: &str) -> Command {
    let Some(page) = pages::of(verb) else { return command };
    let description = page.description;
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let command = command
        .before_help(short_examples(page))
        .before_long_help(examples(page))
        .long_about(format!("{about}\n\n{description}"));
    let unasked: Vec<&str> =
        variables(verb).map(|it| it.name).filter(|name| is_a_credential(name)).collect();
    if unasked.is_empty() {
        return command;
    }
    let mut list = String::from("Variables in place of the questions:");
    for variable in variables(verb).filter(|it| is_a_credential(it.name)) {
        let _infallible = write!(list, "\n  {:24}  {}", variable.name, variable.holds);
    }
    command
        .after_help(format!("In place of the questions: {}", unasked.join(", ")))
        .after_long_help(list)
}

/// Asked for where it is not set; the others have a flag each.
fn is_a_credential(variable: &str) -> bool {
    variable.contains("PASSPHRASE") || variable.contains("TOKEN")
}

fn short_examples(page: &Page) -> String {
    match page.examples {
        [first, second, ..] if page.verb.is_empty() => {
            format!(
                "Example: {:<14}  {}\n         {:<14}  {}",
                first.line, first.does, second.line, second.does
            )
        }
        [first, ..] => format!("Example: {}", first.line),
        [] => String::new(),
    }
}

fn examples(page: &Page) -> String {
    let mut text = String::from("Examples:");
    for example in page.examples {
        let _infallible = write!(text, "\n  $ {}\n      {}", example.line, example.does);
    }
    text
}
