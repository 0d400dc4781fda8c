//! The command `passsafe`, built and found, for chores that run it as its users do.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use cargo_metadata::Message;

use crate::repository::Repository;

/// As it is released, which is what the proofs are about.
pub(crate) fn release(repository: &Repository) -> anyhow::Result<PathBuf> {
    build(repository, &["--release"])
}

/// As the tests have built it, which costs nothing more.
pub(crate) fn debug(repository: &Repository) -> anyhow::Result<PathBuf> {
    build(repository, &[])
}

fn build(repository: &Repository, profile: &[&str]) -> anyhow::Result<PathBuf> {
    let mut cargo =
        repository.cargo(&["build", "--locked", "--package", "passsafe-cli", "--quiet"]);
    cargo.args(profile).arg("--message-format=json").stderr(Stdio::inherit());
    let output = cargo.output()?;
    ensure!(output.status.success(), "passsafe cannot be built");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact) => artifact.executable,
            _ => None,
        })
        .map(PathBuf::from)
        .context("the build made no executable")
}
