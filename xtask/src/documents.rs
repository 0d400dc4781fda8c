//! Every code block of every document, run.
//!
//! The language of a block says how. What no machine of the tests can run says so in the
//! document itself, in the words *not run by the tests*, beside the block; what other tests run
//! stands in a list here. A block that is neither is an error, so that no example can rot.
//!
//! Where a block names the port and the credentials of the README's example, it is run with
//! those words against a real safe: on that port, in a network of its own, with the safe's own
//! credentials in the place of the example's.

mod block;
mod console;
mod network;
mod programs;
mod rust;
mod scene;

use std::fs;

use anyhow::{bail, ensure};
use ignore::WalkBuilder;

use crate::repository::Repository;
use block::Block;
use network::Network;
use scene::Scene;

/// Blocks of a document in a language that another test runs.
struct Elsewhere {
    document: &'static str,
    language: &'static str,
    test: &'static str,
    /// What stands in the test and shows that it is still the one.
    says: &'static str,
}

const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        document: "docs/python.md",
        language: "python",
        test: "crates/passsafe-python/tests/test_recipes.py",
        says: "\"python.md\"",
    },
    Elsewhere {
        document: "docs/cli.md",
        language: "console",
        test: "crates/passsafe-cli/tests/it/help.rs",
        says: "fn the_examples_work()",
    },
];
/// What a document says beside a block that cannot be run.
const NOT_RUN: &str = "not run by the tests";

/// Runs them all: a step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    some(repository, "")
}

/// Those of the documents whose path contains `part`.
pub(crate) fn some(repository: &Repository, part: &str) -> anyhow::Result<()> {
    let documents = documents(repository)?;
    let chosen: Vec<_> = documents.iter().filter(|one| one.path.contains(part)).collect();
    let network = Network::new(repository)?;
    let programs = rust::build(repository, &documents, part)?;
    let (mut run, mut failed) = (0, 0);
    for document in &chosen {
        let mut scene = Scene::new(repository, &network, &programs)?;
        for block in &document.blocks {
            match judge(repository, document, block, &mut scene) {
                Ok(Verdict::Run) => run += 1,
                Ok(Verdict::No(why)) => {
                    println!("  {}:{}: {why}", document.path, block.line);
                }
                Ok(Verdict::Picture) => {}
                Err(error) => {
                    failed += 1;
                    eprintln!("{}:{}: {error:#}", document.path, block.line);
                }
            }
        }
    }
    println!("{run} blocks of {} documents were run", chosen.len());
    ensure!(failed == 0, "blocks that do not hold: {failed}");
    Ok(())
}

struct Document {
    /// Relative to the root, with slashes.
    path: String,
    blocks: Vec<Block>,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Run,
    /// It is no code.
    Picture,
    No(String),
}

fn judge(
    repository: &Repository,
    document: &Document,
    block: &Block,
    scene: &mut Scene<'_>,
) -> anyhow::Result<Verdict> {
    let is_it = |one: &&Elsewhere| one.document == document.path && one.language == block.language;
    if let Some(Elsewhere { test, says, .. }) = ELSEWHERE.iter().find(is_it) {
        let text = fs::read_to_string(repository.path(test)).unwrap_or_default();
        ensure!(text.contains(says), "{test} should run it, and does not say `{says}`");
        return Ok(Verdict::No(format!("run by {test}")));
    }
    if block.beside.to_lowercase().contains(NOT_RUN) {
        return Ok(Verdict::No(NOT_RUN.to_owned()));
    }
    match block.language.as_str() {
        "" | "text" => return Ok(Verdict::Picture),
        "toml" => {
            block.code.parse::<toml::Table>()?;
        }
        "json" => {
            // One value, or one a line.
            let values = serde_json::Deserializer::from_str(&block.code);
            values.into_iter::<serde_json::Value>().collect::<Result<Vec<_>, _>>()?;
        }
        "console" => console::run(&block.code, scene)?,
        "rust" => rust::run(&document.path, block, scene)?,
        "python" => programs::python(&block.code, scene)?,
        "javascript" => programs::javascript(&block.code, scene)?,
        "r" => programs::r(&block.code, scene)?,
        other => bail!("nobody runs {other}: say beside it that it is {NOT_RUN}, and why"),
    }
    Ok(Verdict::Run)
}

/// Every Markdown file that git would see.
fn documents(repository: &Repository) -> anyhow::Result<Vec<Document>> {
    let root = repository.path("");
    let mut documents = Vec::new();
    for entry in WalkBuilder::new(&root).require_git(false).build() {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(entry.path())?;
            let parts: Vec<_> = entry
                .path()
                .strip_prefix(&root)?
                .iter()
                .map(|part| part.to_string_lossy())
                .collect();
            documents.push(Document { path: parts.join("/"), blocks: block::all(&text) });
        }
    }
    documents.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(documents)
}
