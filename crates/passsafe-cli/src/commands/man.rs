//! `passsafe man`: manual pages, made from the definition of the command line.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::args::ManArgs;
use crate::cli::help;
use crate::cli::help::pages::{self, EXIT_CODES, Page};
use crate::os::streams;
use crate::text::failure::{Failure, code};

pub(crate) fn print(args: &ManArgs) -> Result<(), Failure> {
    let command = definition();
    if let Some(folder) = &args.into {
        return write_all(&all(&command), folder).map_err(|error| {
            Failure::new(
                code::IO,
                format!("the pages cannot be written into {}: {error}", folder.display()),
                "name a folder that you can write to",
            )
        });
    }
    let verb = args.verb.as_deref().and_then(|verb| command.find_subcommand(verb));
    streams::write(&page(verb.unwrap_or(&command), &command))
}

fn write_all(pages: &[(String, Vec<u8>)], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|(name, page)| fs::write(folder.join(name), page))
}

/// Every page with the name of its file.
pub(crate) fn all(command: &Command) -> Vec<(String, Vec<u8>)> {
    std::iter::once(command)
        .chain(command.get_subcommands())
        .map(|it| (format!("{}.1", name(it)), page(it, command)))
        .collect()
}

/// As the pages want it: all names are full, and no flag is hidden.
pub(crate) fn definition() -> Command {
    let mut command = shown_in_full(help::command())
        .subcommand_help_heading("COMMANDS")
        .subcommand_value_name("COMMAND");
    command.build();
    command
}

/// The generator takes the help of a flag that only `--help` shows for hidden.
fn shown_in_full(command: Command) -> Command {
    command.mut_args(|argument| argument.hide_short_help(false)).mut_subcommands(shown_in_full)
}

fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command, whole: &Command) -> Vec<u8> {
    let mut text = Vec::new();
    #[expect(clippy::expect_used, reason = "a vector takes all that is written to it")]
    try_page(command, whole, &mut text).expect("a page is written");
    text
}

fn try_page(command: &Command, whole: &Command, out: &mut Vec<u8>) -> io::Result<()> {
    let is_whole = name(command) == name(whole);
    let verb = if is_whole { "" } else { command.get_name() };
    let man = Man::new(command.clone());
    // The generator leaves out an argument that is empty. A date would make two builds of one
    // source differ.
    let version = env!("CARGO_PKG_VERSION");
    let title = name(command).to_uppercase();
    writeln!(out, ".TH {title} 1 \"\" \"passsafe {version}\" \"User Commands\"")?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if is_whole {
        man.render_subcommands_section(out)?;
    }
    examples(pages::of(verb)).to_writer(out)?;
    exit_status(verb).to_writer(out)?;
    environment(verb).to_writer(out)?;
    files(verb).to_writer(out)?;
    see_also(command, whole).to_writer(out)
}

fn examples(page: Option<&Page>) -> Roff {
    let mut roff = section("EXAMPLES");
    for example in page.iter().flat_map(|page| page.examples) {
        roff.control("TP", []);
        roff.text([bold(example.line)]);
        roff.text([roman(example.does)]);
    }
    roff
}

fn exit_status(verb: &str) -> Roff {
    let mut roff = section("EXIT STATUS");
    for (code, meaning) in EXIT_CODES.iter().filter(|it| concerns(it, verb)) {
        item(&mut roff, bold(*code), meaning);
    }
    roff.control("PP", []);
    roff.text([roman("Every error is two lines: what happened, and what to do next.")]);
    roff
}

/// Verbs that ask no safe have few ways to fail.
fn concerns((code, meaning): &(&str, &str), verb: &str) -> bool {
    match verb {
        "" | "serve" | "get" | "status" | "close" => verb.is_empty() || !meaning.starts_with("run"),
        "run" => true,
        _ => ["0", "2", "74"].contains(code),
    }
}

fn environment(verb: &str) -> Roff {
    let variables: Vec<_> = match verb {
        "" => pages::VARIABLES.iter().collect(),
        _ => help::variables(verb).collect(),
    };
    if variables.is_empty() {
        return Roff::new();
    }
    let mut roff = section("ENVIRONMENT");
    for variable in variables {
        item(&mut roff, bold(variable.name), variable.holds);
    }
    roff
}

fn files(verb: &str) -> Roff {
    if !["", "serve"].contains(&verb) {
        return Roff::new();
    }
    let mut roff = section("FILES");
    roff.text([roman("There is no configuration file, and nothing of a safe is ever on disk.")]);
    item(
        &mut roff,
        italic("PATH"),
        "The Unix socket of 'serve --socket PATH', made when all is sealed and removed in the end.",
    );
    roff
}

fn see_also(command: &Command, whole: &Command) -> Roff {
    let mut roff = section("SEE ALSO");
    let mut others: Vec<Inline> = Vec::new();
    for other in std::iter::once(whole).chain(whole.get_subcommands()) {
        if name(other) != name(command) {
            others.extend([bold(name(other)), roman("(1), ")]);
        }
    }
    // No comma after the last one.
    others.pop();
    others.push(roman("(1)"));
    roff.text(others);
    roff
}

fn section(title: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff
}

fn item(roff: &mut Roff, head: Inline, body: &str) {
    roff.control("TP", []);
    roff.text([head]);
    roff.text([roman(body)]);
}
