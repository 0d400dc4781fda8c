//! The command, built.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use cargo_metadata::Message;

use crate::repository::Repository;

/// As it is released.
pub(crate) fn released(repository: &Repository) -> anyhow::Result<PathBuf> {
    build(repository, &["--release"])
}

/// As it is tested: the same to look at, and quicker to build.
pub(crate) fn for_tests(repository: &Repository) -> anyhow::Result<PathBuf> {
    build(repository, &[])
}

/// Builds it, and says where it is.
fn build(repository: &Repository, profile: &[&str]) -> anyhow::Result<PathBuf> {
    let mut cargo =
        repository.cargo(&["build", "--locked", "--package", "passsafe-cli", "--quiet"]);
    cargo.args(profile).arg("--message-format=json").stderr(Stdio::inherit());
    let output = cargo.output()?;
    ensure!(output.status.success(), "the command cannot be built");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact) => artifact.executable,
            _ => None,
        })
        .map(PathBuf::from)
        .context("the build made no executable")
}
