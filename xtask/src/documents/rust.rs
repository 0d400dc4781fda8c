//! Rust blocks, built as a stranger's programs from the published files of the crates, with
//! the dependencies that the documents tell him to write down.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use regex::Regex;
use toml::{Table, Value};

use super::block::Block;
use super::scene::{Scene, finish};
use super::{Document, NOT_RUN};
use crate::repository::{Repository, run as run_command};
use crate::stranger::Stranger;

/// Where each program is, by the document and line of its block.
pub(super) type Programs = BTreeMap<String, PathBuf>;

/// Builds those of documents whose path contains `part`, all at once.
pub(super) fn build(
    repository: &Repository,
    documents: &[Document],
    part: &str,
) -> anyhow::Result<Programs> {
    let mut manifest: Table =
        "[package]\nname = \"reader\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
        publish = false\n[workspace]\nresolver = \"3\"\n[dependencies]\n"
            .parse()?;
    let mut sources = BTreeMap::new();
    for document in documents {
        for block in document.blocks.iter().filter(|block| !block.beside.contains(NOT_RUN)) {
            match block.language.as_str() {
                "rust" if document.path.contains(part) => {
                    ensure!(
                        block.code.contains("fn main"),
                        "{}:{}: has no main",
                        document.path,
                        block.line
                    );
                    sources.insert(name(&document.path, block), with_variables(&block.code)?);
                }
                "toml" => require(&mut manifest, &block.code)
                    .with_context(|| format!("{}:{}", document.path, block.line))?,
                _ => {}
            }
        }
    }
    if sources.is_empty() {
        return Ok(Programs::new());
    }
    let stranger = Stranger::new(repository)?;
    let folder = stranger.home().join("src/bin");
    fs::create_dir_all(&folder)?;
    fs::write(stranger.home().join("Cargo.toml"), manifest.to_string())?;
    for (name, code) in &sources {
        fs::write(folder.join(format!("{name}.rs")), code)?;
    }
    run_command(stranger.cargo(&["build", "--quiet", "--bins"]))?;
    stranger.ensure_no_path_leads_back()?;
    let built = repository.path("target/packages/build/debug");
    Ok(sources.into_keys().map(|name| (name.clone(), built.join(name))).collect())
}

/// Takes a document's `[dependencies]` over.
fn require(manifest: &mut Table, told: &str) -> anyhow::Result<()> {
    let told: Table = told.parse()?;
    let told = told.get("dependencies").and_then(Value::as_table).cloned().unwrap_or_default();
    let ours = manifest.get_mut("dependencies").and_then(Value::as_table_mut);
    ours.context("no dependencies")?.extend(told);
    Ok(())
}

fn name(path: &str, block: &Block) -> String {
    let path =
        path.trim_end_matches(".md").replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    format!("{}_{}", path.to_lowercase(), block.line)
}

/// The example's credentials are a person's to type; here they come in variables.
fn with_variables(code: &str) -> anyhow::Result<String> {
    let passphrase = Regex::new(r#""[a-z-]+(?: [a-z-]+){5}""#)?;
    let token = Regex::new(r#""\d{3} ?\d{3}""#)?;
    let variable = |name: &str| format!("&std::env::var(\"{name}\").unwrap_or_default()");
    let code = passphrase.replace_all(code, variable("PASSSAFE_PASSPHRASE"));
    Ok(token.replace_all(&code, variable("PASSSAFE_TOKEN")).into_owned())
}

/// Runs one; it holds if it ends well.
pub(super) fn run(path: &str, block: &Block, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let program = scene.programs.get(&name(path, block)).context("it has not been built")?.clone();
    let mut command = scene.command(&program.to_string_lossy());
    scene.with_credentials(&mut command)?;
    finish(command)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_credentials_become_variables_and_other_words_do_not() {
        let code = "f(\"a b c d e f-g\", \"936 265\", \"one two\", \"93\")";
        assert_eq!(
            with_variables(code).unwrap(),
            "f(&std::env::var(\"PASSSAFE_PASSPHRASE\").unwrap_or_default(), \
             &std::env::var(\"PASSSAFE_TOKEN\").unwrap_or_default(), \"one two\", \"93\")"
        );
    }

    #[test]
    fn dependencies_are_those_that_the_documents_name() {
        let mut manifest: Table = "[dependencies]\n".parse().unwrap();
        require(&mut manifest, "[dependencies]\nring = \"0.17\"\n").unwrap();
        require(&mut manifest, "[other]\nx = 1\n").unwrap();
        assert_eq!(manifest.to_string(), "[dependencies]\nring = \"0.17\"\n");
    }
}
