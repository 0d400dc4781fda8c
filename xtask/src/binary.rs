//! The programs of the workspace, built and found, for chores that run them.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use cargo_metadata::Message;

use crate::repository::Repository;

/// The command as it is released, which is what the proofs are about.
pub(crate) fn release(repository: &Repository) -> anyhow::Result<PathBuf> {
    build(repository, "passsafe-cli", true)
}

/// As the tests have built it, which costs nothing more.
pub(crate) fn debug(repository: &Repository) -> anyhow::Result<PathBuf> {
    build(repository, "passsafe-cli", false)
}

/// The binary of a package: as it is released, or quickly.
pub(crate) fn build(
    repository: &Repository,
    package: &str,
    release: bool,
) -> anyhow::Result<PathBuf> {
    let mut cargo = repository.cargo(&["build", "--locked", "--package", package, "--quiet"]);
    if release {
        cargo.arg("--release");
    }
    cargo.arg("--message-format=json").stderr(Stdio::inherit());
    let output = cargo.output()?;
    ensure!(output.status.success(), "{package} cannot be built");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact) => artifact.executable,
            _ => None,
        })
        .map(PathBuf::from)
        .context("the build made no executable")
}
