//! The command as it is released, which is what the proofs are about.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use cargo_metadata::Message;

use crate::repository::Repository;

/// Builds the release, and says where it is.
pub(super) fn build(repository: &Repository) -> anyhow::Result<PathBuf> {
    let arguments = ["build", "--release", "--locked", "--package", "passsafe-cli", "--quiet"];
    let mut cargo = repository.cargo(&arguments);
    let output = cargo.arg("--message-format=json").stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the release cannot be built");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact) => artifact.executable,
            _ => None,
        })
        .map(PathBuf::from)
        .context("the build made no executable")
}
