//! `passsafe completions`: scripts generated from the definition of the command line.
//!
//! Commands, flags and fixed values are completed. Names of secrets are not: they are sealed, and
//! reading them takes token and passphrase.

use std::io::Write as _;

use clap::Command;
use clap::builder::PossibleValue;
use clap_complete::Shell;

use crate::cli::args::CompletionsArgs;
use crate::cli::help;
use crate::os::streams;
use crate::text::failure::Failure;

pub(crate) fn print(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut without_the_program(), "passsafe", &mut script);
    if args.shell == Shell::Fish {
        script.extend(values_for_fish());
    }
    streams::write(&script)
}

/// Without the program after `--`, which zsh would offer in place of a verb.
fn without_the_program() -> Command {
    let whole = help::command();
    let flags = whole.get_arguments().filter(|argument| !argument.is_positional());
    Command::new("passsafe")
        .version(env!("CARGO_PKG_VERSION"))
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .args(flags.cloned())
        .subcommands(whole.get_subcommands().cloned())
}

/// The generator for fish leaves out values of positional arguments.
fn values_for_fish() -> Vec<u8> {
    let mut lines = Vec::new();
    for verb in help::command().get_subcommands() {
        let values: Vec<PossibleValue> =
            verb.get_positionals().flat_map(clap::Arg::get_possible_values).collect();
        let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        if !values.is_empty() {
            let _infallible = writeln!(
                lines,
                "complete -c passsafe -n \"__fish_passsafe_using_subcommand {}\" -f -a \"{}\"",
                verb.get_name(),
                values.join(" ")
            );
        }
    }
    lines
}
