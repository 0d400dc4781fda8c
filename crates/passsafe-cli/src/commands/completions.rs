//! `passsafe completions`: scripts generated from the definition of the command line.
//!
//! They complete what is fixed. Names of secrets are sealed with them: only who has token
//! and passphrase can ask for those, and a Tab key has neither.

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

/// Without what comes after `--` where the verb is left out: zsh would offer it in the verb's
/// place.
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

/// The generator for fish leaves out what an argument without a flag may be.
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
