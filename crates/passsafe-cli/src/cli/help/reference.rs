//! The parts of `docs/cli.md` that are made from the definitions, between markers.
//!
//! `cargo xtask snapshots` writes them; a test fails while they are not what it would write.

#![expect(clippy::format_push_string, reason = "a test need not be fast")]

use clap::{Arg, Command};
use expect_test::expect_file;

use super::pages::{self, EXIT_CODES, VARIABLES};
use crate::commands::man;

/// Each part by the name in its markers.
const PARTS: [(&str, Write); 3] =
    [("commands", commands), ("variables", variables), ("exit codes", exit_codes)];

type Write = fn() -> String;

#[test]
fn the_reference_is_what_the_definitions_say() {
    let file = expect_file!["../../../../../docs/cli.md"];
    let mut text = file.data();
    for (name, write) in PARTS {
        text = with_part(&text, name, &write());
    }
    // `cargo xtask snapshots` writes it anew.
    file.assert_eq(&text);
}

#[test]
fn a_part_is_put_between_its_markers_and_nowhere_else() {
    let text = "a\n<!-- begin b -->\nold\n<!-- end b -->\nc\n";
    assert_eq!(with_part(text, "b", "new\n"), "a\n<!-- begin b -->\n\nnew\n\n<!-- end b -->\nc\n");
}

fn with_part(text: &str, name: &str, part: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}\n{part}\n{end}{after}")
}

fn commands() -> String {
    let whole = man::definition();
    let verbs = whole.get_subcommands().map(|it| (it.get_name(), it));
    std::iter::once(("", &whole))
        .chain(verbs)
        .map(|(verb, command)| section(verb, command))
        .collect::<Vec<_>>()
        .join("\n")
}

fn section(verb: &str, command: &Command) -> String {
    let page = pages::of(verb).unwrap();
    let name = format!("passsafe {verb}");
    let mut text = format!("### {}\n\n{}\n\n```console\n", name.trim(), quoted(page.description));
    for example in page.examples {
        text += &format!("$ {}   # {}\n", example.line, example.does);
    }
    text += "```\n\n";
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.trim_start_matches("Usage:").lines().map(str::trim).collect();
    text += &format!("Usage: `{}`\n", usage.join("` or `"));
    if verb.is_empty() {
        return text + "\nThe options are those of `passsafe serve`, and `--version`.\n";
    }
    text += "\n| option | meaning | default, variable |\n|---|---|---|\n";
    for argument in command.get_arguments().filter(|it| it.get_id() != "help") {
        text += &row(argument);
    }
    text
}

fn row(argument: &Arg) -> String {
    let value = match argument.get_value_names() {
        Some(names) if argument.get_action().takes_values() => format!("<{}>", names.join(" ")),
        _ => String::new(),
    };
    let spelled: Vec<String> = [
        argument.get_short().map(|short| format!("-{short}")),
        argument.get_long().map(|long| format!("--{long} {value}").trim().to_owned()),
        argument.is_positional().then_some(value.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    // Paragraphs cannot be in a cell.
    let help = argument.get_long_help().or(argument.get_help()).unwrap().to_string();
    let help = help.replace("\n\n", ". ");
    let has_value = argument.get_action().takes_values();
    let defaults = argument.get_default_values().iter().filter(|_| has_value);
    let default = defaults.map(|it| it.display().to_string());
    let env = argument.get_env().map(|env| env.display().to_string());
    let beside: Vec<String> = default.chain(env).map(|it| format!("`{it}`")).collect();
    format!("| `{}` | {} | {} |\n", spelled.join(", "), cell(&help), beside.join(", "))
}

fn variables() -> String {
    let mut text = String::from("| variable | holds | read by |\n|---|---|---|\n");
    for variable in VARIABLES {
        let verbs: Vec<String> = variable
            .verbs
            .iter()
            .filter(|verb| !verb.is_empty())
            .map(|verb| format!("`{verb}`"))
            .collect();
        text += &format!("| `{}` | {} | {} |\n", variable.name, variable.holds, verbs.join(", "));
    }
    text
}

fn exit_codes() -> String {
    let mut text = String::from("| exit code | what happened |\n|---|---|\n");
    for (code, meaning) in EXIT_CODES {
        text += &format!("| {code} | {meaning} |\n");
    }
    text
}

/// What help puts between apostrophes, as code.
fn quoted(text: &str) -> String {
    let mut parts = text.split("'passsafe");
    let mut quoted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        quoted += &format!("`passsafe{}", part.replacen('\'', "`", 1));
    }
    quoted
}

/// A pipe would begin another cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
