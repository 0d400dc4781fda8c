//! Documents hold together: links lead somewhere, paragraphs are whole, the tests that the
//! threat model names exist, and the workflows run what people are told to run.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Parser, Tag};
use regex::Regex;

use super::File;
use crate::repository::Repository;

const THREATS: &str = "docs/threat-model.md";
/// Where people are told what to run.
const TOLD: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

pub(super) fn check(repository: &Repository, files: &[File]) -> anyhow::Result<Vec<String>> {
    let is_code = |file: &&File| file.is("rs") || file.is("py");
    let code: String = files.iter().filter(is_code).map(|file| file.text.as_str()).collect();
    let told = files.iter().filter(|file| TOLD.contains(&file.path.as_str()));
    let told: String = told.map(|file| file.text.as_str()).collect();
    let mut findings = Vec::new();
    for file in files {
        let File { path, text } = file;
        let mut found = Vec::new();
        if file.is("md") {
            let at = repository.path(path);
            let folder = at.parent().unwrap_or(&at);
            let lost = links(text).into_iter().filter(|target| !folder.join(target).exists());
            found.extend(lost.map(|target| format!("leads to {target}, which is not there")));
        }
        if path.starts_with("docs/") && file.is("md") {
            found.extend(torn(text)?);
        }
        if path == THREATS {
            found.extend(promises(text, &code)?);
        }
        if path.starts_with(".github/workflows/") {
            found.extend(workflow(text, &told)?);
        }
        findings.extend(found.into_iter().map(|found| format!("{path}: {found}")));
    }
    Ok(findings)
}

/// The files that a text leads to, without the places in them.
fn links(text: &str) -> Vec<String> {
    let links = Parser::new(text).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url),
        _ => None,
    });
    links
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next().map(str::to_owned))
        .filter(|target| !target.is_empty())
        .collect()
}

/// Paragraphs that a merge has torn apart: one that neither begins nor ends like a sentence, or
/// whose brackets are not closed. A sentence may go on around code and lists.
fn torn(text: &str) -> anyhow::Result<Vec<String>> {
    let text = Regex::new(r"(?ms)^ *```.*?^ *```$")?.replace_all(text, "- code");
    let text = Regex::new(r"`[^`]*`|\]\([^)]*\)|[*_]")?.replace_all(&text, "…");
    let other = Regex::new(r"^(#|\||- |<| |\d+\. )")?;
    let blocks: Vec<&str> = text.split("\n\n").map(str::trim_end).collect();
    let is_text = |at: usize| blocks.get(at).is_none_or(|block| !other.is_match(block));
    let heads = |at: usize| blocks.get(at).is_some_and(|block| block.starts_with('#'));
    let mut findings = Vec::new();
    for (at, block) in blocks.iter().enumerate().filter(|(at, _)| is_text(*at)) {
        let (mut depth, mut closed_first) = (0_i32, false);
        for letter in block.chars() {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            closed_first |= depth < 0;
        }
        let first = block.trim_start_matches('\n').chars().next().unwrap_or('A');
        let goes_on = at > 0 && !is_text(at - 1) && !heads(at - 1);
        let leads_on = !is_text(at + 1) && !heads(at + 1);
        let small = first.is_lowercase() && !block.trim_start().starts_with("passsafe");
        let ends = block.is_empty() || block.ends_with(['.', ':', '?', '!', ')', ']', '"', '…']);
        if depth != 0 || closed_first || small && !goes_on || !ends && !leads_on {
            let start: String = block.chars().take(40).collect();
            findings.push(format!("a paragraph is torn: {start:?} …"));
        }
    }
    Ok(findings)
}

/// In the last column of a table, a name of at least three words is that of a test.
fn promises(document: &str, code: &str) -> anyhow::Result<Vec<String>> {
    let functions = Regex::new(r"\b(?:fn|def)\s+(\w+)")?;
    let defined: BTreeSet<_> =
        functions.captures_iter(code).map(|found| found.extract::<1>().1[0]).collect();
    let test = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`")?;
    let mut findings = Vec::new();
    for line in document.lines().filter(|line| line.starts_with('|')) {
        let last = line.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let named = test.captures_iter(last).map(|found| found.extract::<1>().1[0]);
        let missing = named.filter(|name| !defined.contains(name));
        findings.extend(missing.map(|name| format!("there is no test `{name}`")));
    }
    Ok(findings)
}

/// Each command is one that people are told, and each action one of GitHub's at a commit: a name
/// could come to mean another.
fn workflow(text: &str, told: &str) -> anyhow::Result<Vec<String>> {
    let action = Regex::new(r"^\s*(?:- )?uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")?;
    let command = Regex::new(r#"^\s*(?:- )?run: (?:sudo .*"\$\(command -v cargo\)" )?(.*)$"#)?;
    let mut findings = Vec::new();
    for line in text.lines().filter(|line| line.contains("uses:") && !action.is_match(line)) {
        findings.push(format!("`{}` is no pinned action of GitHub's", line.trim()));
    }
    let mut gates = 0;
    for line in text.lines().filter(|line| line.contains("run:")) {
        let run = command.captures(line).map_or(line, |found| found.extract::<1>().1[0]);
        let run = format!("cargo {}", run.trim_start_matches("cargo "));
        gates += usize::from(run.starts_with("cargo xtask "));
        let is_told = told
            .lines()
            .any(|told| told.trim_start_matches("$ ").split("   ").next() == Some(run.as_str()));
        if !is_told && !told.contains(&format!("`{run}`")) {
            findings.push(format!("runs `{run}`, which no document tells"));
        }
    }
    if gates == 0 {
        findings.push("runs no chore".to_owned());
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_within_the_repository_are_followed_and_others_are_not() {
        let text = "[a](docs/a.md#b) ![c](c.svg) [d](https://d.example/e) [f](#g) `[h](i)`";
        assert_eq!(links(text), ["docs/a.md", "c.svg"]);
    }

    #[test]
    fn paragraphs_that_were_laid_into_each_other_are_found() {
        let text = "Usage (`https` has no\nOr `unix:///PATH`.\n\nTLS of its own).\n\nNo proxy, no\n\
                    **Whose.** Anybody's.\n\nproxy variables.\n\nIt has no\n\n# Next\n";
        assert_eq!(torn(text).unwrap().len(), 4);
        let whole = "# title\n\nA `b(` c (d).\n\n- item\n\n  in it\n\n| (c | d |\n\n**It** runs\n\n\
                     ```sh\nlow (\n\nb\n```\n\nwhich ends.\n\nAs [follows](a.md):\n";
        assert_eq!(torn(whole).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_test_that_is_named_and_not_there_is_found() {
        let code = "fn one_is_there() {}\nasync fn another_is_there() {}\ndef test_is_there(a):";
        let row = |name: &str| promises(&format!("| who | `no_such_thing` | `{name}` (x) |"), code);
        for there in ["one_is_there", "another_is_there", "test_is_there", "hardening"] {
            assert!(row(there).unwrap().is_empty(), "{there}");
        }
        assert_eq!(row("one_is_gone").unwrap().len(), 1);
    }

    #[test]
    fn a_workflow_runs_what_people_are_told_and_nothing_else() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let told = "run:\n$ cargo xtask test   # all\nor `cargo xtask test --quick`\n";
        let gate = format!(
            "  - uses: actions/checkout@{sha} # v4.0.0\n  - run: sudo -E \"$(command -v cargo)\" xtask test\n"
        );
        let with = |step: &str| workflow(&format!("{gate}  - {step}\n"), told).unwrap().len();
        assert_eq!(with("run: cargo xtask test --quick"), 0);
        for step in [
            "run: cargo test",
            "run: |\n      cargo xtask test",
            "uses: actions/checkout@v4",
            &format!("uses: somebody/rust@{sha} # v1.0.0"),
            &format!("uses: actions/cache@{sha}"),
        ] {
            assert_eq!(with(step), 1, "{step}");
        }
        assert_eq!(workflow("jobs: {}", told).unwrap().len(), 1);
    }
}
