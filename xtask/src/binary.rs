//! The programs of the workspace, built and found, for chores that run them.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use cargo_metadata::Message;

use crate::repository::Repository;

/// What the tests are built of, and the programs that chores run: what is built with it finds the
/// same dependencies with the same features, and nothing is built twice.
const TESTED: [&str; 7] =
    ["--workspace", "--tests", "--examples", "--bin", "passsafe", "--bin", "passsafe-bench"];

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
    let mut cargo = repository.cargo(&["build", "--locked", "--quiet", "--message-format=json"]);
    if release {
        cargo.args(["--release", "--package", package]);
    } else {
        cargo.args(TESTED);
    }
    let output = cargo.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{package} cannot be built");
    let manifest = repository.path("crates").join(package).join("Cargo.toml");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(it)
                if it.target.is_bin() && !it.profile.test && it.manifest_path == manifest =>
            {
                it.executable
            }
            _ => None,
        })
        .map(PathBuf::from)
        .with_context(|| format!("{package} has no program"))
}
