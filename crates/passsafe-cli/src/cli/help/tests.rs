//! What help promises, held against the definitions.

use std::collections::BTreeSet;

use clap::Command;
use clap::error::ErrorKind;

use super::pages::{EXIT_CODES, PAGES};
use super::*;
use crate::commands::man;
use crate::os::environment;

/// Rows and columns of the smallest terminal that `-h` fits on.
const SCREEN: (usize, usize) = (24, 80);

/// Every command by its verb.
fn each(mut visit: impl FnMut(&str, &Command)) {
    let mut whole = command();
    whole.build();
    visit("", &whole);
    for verb in whole.get_subcommands() {
        visit(verb.get_name(), verb);
    }
}

#[test]
fn the_definition_is_sound() {
    command().debug_assert();
}

#[test]
fn no_variable_shows_its_value_in_help() {
    let mut variables = 0;
    each(|verb, command| {
        for argument in command.get_arguments().filter(|it| it.get_env().is_some()) {
            variables += 1;
            assert!(argument.is_hide_env_values_set(), "{verb} {argument}");
        }
    });
    assert!(variables > 0);
}

#[test]
fn no_flag_takes_a_secret() {
    // A path, and a name.
    let harmless = ["secret_file", "secret_stdin"];
    each(|verb, command| {
        for argument in command.get_arguments().filter(|it| it.get_action().takes_values()) {
            let id = argument.get_id().as_str();
            let secrets = ["passphrase", "password", "token", "secret"];
            let is_secret = secrets.iter().any(|word| id.contains(word));
            assert!(!is_secret || harmless.contains(&id), "{verb} --{id}");
        }
    });
}

#[test]
fn short_help_fits_the_screen_and_opens_with_an_example() {
    each(|verb, command| {
        let help = command.clone().term_width(SCREEN.1).render_help().to_string();
        assert!(help.starts_with("Example: "), "{verb}: {help}");
        let lines: Vec<&str> = help.trim_end().lines().collect();
        assert!(
            lines.len() <= SCREEN.0,
            "'passsafe {verb} -h' has {} lines, and {} fit: mark rarer flags `hide_short_help = true`\n{help}",
            lines.len(),
            SCREEN.0
        );
        for line in lines {
            assert!(line.chars().count() <= SCREEN.1, "'passsafe {verb} -h': {line}");
        }
    });
}

#[test]
fn every_verb_has_a_page_with_examples_and_a_line_for_each_flag() {
    let mut verbs = BTreeSet::new();
    each(|verb, command| {
        verbs.insert(verb.to_owned());
        let page = pages::of(verb);
        assert!(page.is_some_and(|it| !it.examples.is_empty()), "help/pages.rs: {verb:?}");
        let help = command.clone().render_long_help().to_string();
        assert!(help.starts_with("Examples:\n  $ "), "{help}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{verb} {argument}: has no help");
        }
    });
    let pages: BTreeSet<String> = PAGES.iter().map(|page| page.verb.to_owned()).collect();
    assert_eq!(pages, verbs, "help/pages.rs");
}

#[test]
fn every_example_is_one_that_the_command_takes() {
    for page in PAGES {
        for example in page.examples {
            let mut taken = 0;
            let columns = "  $ ".len() + example.line.len();
            assert!(columns <= SCREEN.1, "{}: would be broken", example.line);
            for words in commands_in(example.line) {
                let parsed = command().try_get_matches_from(&words).map_err(|error| error.kind());
                assert!(
                    matches!(parsed, Ok(_) | Err(ErrorKind::DisplayHelp)),
                    "{}: {parsed:?}",
                    example.line
                );
                let verb = words.get(1).map_or("", String::as_str);
                assert!([verb, ""].contains(&page.verb), "{}", example.line);
                taken += 1;
            }
            assert!(taken > 0, "{}: names no passsafe", example.line);
        }
    }
}

/// The arguments of each `passsafe` in a line of shell, as far as examples go.
fn commands_in(line: &str) -> Vec<Vec<String>> {
    line.split([';', '|', '&'])
        .filter_map(|part| {
            let from = part
                .find("passsafe ")
                .or_else(|| part.ends_with("passsafe").then(|| part.len() - 8))?;
            let mut words = Vec::new();
            let mut open = None;
            let mut word = String::new();
            for letter in part[from..].chars().chain([' ']) {
                match (open, letter) {
                    (Some(quote), _) if quote == letter => open = None,
                    (None, '\'' | '"') => open = Some(letter),
                    (None, ')' | '>') => break,
                    (None, ' ') if !word.is_empty() => words.push(std::mem::take(&mut word)),
                    (None, ' ') => {}
                    _ => word.push(letter),
                }
            }
            words.extend(Some(word).filter(|word| !word.is_empty()));
            Some(words)
        })
        .collect()
}

#[test]
fn a_line_of_shell_is_cut_into_the_words_of_each_passsafe() {
    for (line, words) in [
        ("passsafe", vec![vec!["passsafe"]]),
        ("mkdir x && passsafe man --into ~/x", vec![vec!["passsafe", "man", "--into", "~/x"]]),
        ("eval \"$(passsafe completions bash)\"", vec![vec!["passsafe", "completions", "bash"]]),
        ("passsafe run -- sh -c 'a b' >c", vec![vec!["passsafe", "run", "--", "sh", "-c", "a b"]]),
    ] {
        assert_eq!(commands_in(line), words);
    }
}

#[test]
fn the_variables_are_those_that_are_read() {
    each(|verb, command| {
        let listed: BTreeSet<&str> = variables(verb).map(|it| it.name).collect();
        let flags = command.get_arguments().filter_map(|it| it.get_env()?.to_str());
        let mut read: BTreeSet<&str> = flags.collect();
        // A verb that names its safe asks for the token, one that opens it for the passphrase.
        let has = |flag: &str| command.get_arguments().any(|it| it.get_long() == Some(flag));
        if has("url") && verb != "status" {
            read.insert(environment::TOKEN);
        }
        if has("url") && has("user") {
            read.extend([environment::PASSPHRASE, environment::PASSPHRASE_FILE]);
        }
        assert_eq!(listed, read, "help/pages.rs, VARIABLES: {verb:?}");
    });
}

#[test]
fn every_exit_code_is_explained() {
    let codes = include_str!("../../text/failure.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) const ")?.split_once(": u8 = "))
        .map(|(_, code)| code.trim_end_matches(';'));
    for code in codes.map(|code| if code == "128" { "128+N" } else { code }) {
        assert!(EXIT_CODES.iter().any(|(known, _)| *known == code), "help/pages.rs: {code}");
    }
}

#[test]
fn a_manual_page_has_its_sections_and_every_flag() {
    let definition = man::definition();
    let pages = man::all(&definition);
    assert_eq!(pages.len(), PAGES.len());
    assert!(pages.iter().any(|(name, _)| name == "passsafe-get.1"));
    for ((name, page), command) in
        pages.iter().zip(std::iter::once(&definition).chain(definition.get_subcommands()))
    {
        let page = String::from_utf8(page.clone()).unwrap().replace("\\-", "-");
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
            let heading = format!("\n.SH {section}\n").replace(section, &quoted(section));
            assert_eq!(page.matches(&heading).count(), 1, "{name}: {section}");
        }
        let own = |it: &&clap::Arg| !["help", "version"].contains(&it.get_id().as_str());
        for argument in command.get_arguments().filter(own) {
            if let Some(long) = argument.get_long() {
                assert!(page.contains(&format!("--{long}")), "{name}: --{long}");
            }
            // The page writes apostrophes in a way of its own.
            let help = argument.get_help().unwrap().to_string().replace('\'', "\\*(Aq");
            let start: String = help.chars().take(20).collect();
            assert!(page.contains(&start), "{name}: {start}");
        }
        assert!(!page.contains("__serving"), "{name}");
    }
}

fn quoted(section: &str) -> String {
    if section.contains(' ') { format!("\"{section}\"") } else { section.to_owned() }
}
