//! A link from one file of the repository to another leads somewhere, and paragraphs are whole.

use std::fs;

use ignore::WalkBuilder;
use pulldown_cmark::{Event, Parser, Tag};

use super::prose;
use crate::repository::Repository;

pub(super) fn check(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let root = repository.path("");
    let mut findings = Vec::new();
    for entry in WalkBuilder::new(&root).require_git(false).build() {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let folder = path.parent().unwrap_or(&root);
        let shown = path.strip_prefix(&root)?.display().to_string();
        let text = fs::read_to_string(path)?;
        if shown.starts_with("docs/") {
            findings.extend(prose::check(&shown, &text));
        }
        for target in targets(&text) {
            if !folder.join(&target).exists() {
                findings.push(format!("{shown}: leads to {target}, which is not there"));
            }
        }
    }
    Ok(findings)
}

/// The files that a text leads to, without the places in them.
fn targets(text: &str) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_within_the_repository_are_followed_and_others_are_not() {
        let text = "[a](docs/a.md#b) ![c](c.svg) [d](https://d.example/e) [f](#g) `[h](i)`";
        assert_eq!(targets(text), ["docs/a.md", "c.svg"]);
    }
}
