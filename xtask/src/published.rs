//! The crates that users are given: their names, versions and files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::repository::{Repository, run, said};

/// All crates of the workspace that are published.
pub(crate) fn all(repository: &Repository) -> anyhow::Result<Vec<Package>> {
    let metadata = metadata(repository, &["--no-deps"])?;
    let is_published = |one: &&Package| one.publish.as_deref() != Some(&[]);
    Ok(metadata.workspace_packages().into_iter().filter(is_published).cloned().collect())
}

/// What cargo says of the workspace.
pub(crate) fn metadata(repository: &Repository, more: &[&str]) -> anyhow::Result<Metadata> {
    let mut cargo = repository.cargo(&["metadata", "--format-version", "1", "--locked"]);
    cargo.args(more);
    parsed(cargo)
}

/// What any `cargo metadata …` says.
pub(crate) fn parsed(command: Command) -> anyhow::Result<Metadata> {
    Ok(MetadataCommand::parse(said(command)?)?)
}

/// Packages the working tree's crates into `folder`, which is below a target folder; verified
/// means built, each from its file. Returns the folder of the files.
pub(crate) fn package(
    repository: &Repository,
    folder: &str,
    verified: bool,
) -> anyhow::Result<PathBuf> {
    let mut cargo = repository.cargo(&["package", "--quiet", "--locked", "--allow-dirty"]);
    cargo.args(["--target-dir", folder]);
    if !verified {
        cargo.arg("--no-verify");
    }
    for one in all(repository)? {
        cargo.args(["--package", &one.name]);
    }
    run(cargo)?;
    Ok(repository.path(folder).join("package"))
}

/// Each crate's name with its file in a folder.
pub(crate) fn files(
    repository: &Repository,
    folder: &Path,
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let file = |one: &Package| {
        let path = folder.join(format!("{}-{}.crate", one.name, one.version));
        let path = path.exists().then_some(path);
        Ok((one.name.to_string(), path.with_context(|| format!("no file of {}", one.name))?))
    };
    all(repository)?.iter().map(file).collect()
}
