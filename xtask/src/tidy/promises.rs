//! Every test that `docs/threat-model.md` names as what holds a promise exists.

use std::collections::BTreeSet;
use std::fs;

use ignore::WalkBuilder;
use regex::Regex;

use super::source::Source;
use crate::repository::Repository;

const DOCUMENT: &str = "docs/threat-model.md";

pub(super) fn check(repository: &Repository, sources: &[Source]) -> anyhow::Result<Vec<String>> {
    let mut code: Vec<String> = sources.iter().map(|source| source.text.clone()).collect();
    for entry in WalkBuilder::new(repository.path("crates")).require_git(false).build() {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "py") {
            code.push(fs::read_to_string(entry.path())?);
        }
    }
    let document = fs::read_to_string(repository.path(DOCUMENT))?;
    missing(&document, &code.join("\n"))
}

/// In the last column of the table, a name of at least three words is that of a test.
fn missing(document: &str, code: &str) -> anyhow::Result<Vec<String>> {
    let functions = Regex::new(r"\b(?:fn|def)\s+(\w+)")?;
    let defined: BTreeSet<&str> = functions
        .captures_iter(code)
        .filter_map(|found| found.get(1))
        .map(|it| it.as_str())
        .collect();
    let test = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`")?;
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(document.lines()).filter(|(_, line)| line.starts_with('|')) {
        let last = line.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        for name in test.captures_iter(last).filter_map(|found| found.get(1)) {
            if !defined.contains(name.as_str()) {
                findings.push(format!("{DOCUMENT}:{number}: there is no test `{}`", name.as_str()));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_named_and_not_there_is_found() {
        let code = "fn one_is_there() {}\nasync fn another_is_there() {}\ndef test_is_there(a):";
        let row = |name: &str| missing(&format!("| who | `no_such_thing` | `{name}` (x) |"), code);
        for there in ["one_is_there", "another_is_there", "test_is_there", "hardening"] {
            assert!(row(there).unwrap().is_empty(), "{there}");
        }
        assert_eq!(row("one_is_gone").unwrap().len(), 1);
    }
}
