//! The crates that users are given, and in which order a registry can take them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::repository::{Repository, shown};

/// A crate of the workspace that is published.
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where its manifest is.
    pub(crate) folder: PathBuf,
    /// Names of the others that it is built from.
    needs: Vec<String>,
}

/// All of them, each behind those it needs.
pub(crate) fn all(repository: &Repository) -> anyhow::Result<Vec<Published>> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    in_order(from(&metadata(repository.cargo(&arguments))?)?)
}

/// What a `cargo metadata …` says.
pub(crate) fn metadata(mut command: Command) -> anyhow::Result<Metadata> {
    let output = command.output().context("cannot start cargo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` failed: {errors}", shown(&command));
    Ok(MetadataCommand::parse(String::from_utf8(output.stdout)?)?)
}

fn from(metadata: &Metadata) -> anyhow::Result<Vec<Published>> {
    let packages = metadata.workspace_packages();
    let is_published = |package: &&&Package| package.publish.as_deref() != Some(&[]);
    let names: Vec<_> =
        packages.iter().filter(is_published).map(|one| one.name.to_string()).collect();
    let published = |package: &&Package| {
        let needs = package.dependencies.iter();
        let needs = needs.filter(|other| other.kind != DependencyKind::Development);
        Ok(Published {
            name: package.name.to_string(),
            version: package.version.to_string(),
            folder: package.manifest_path.parent().context("a manifest without a folder")?.into(),
            needs: needs
                .map(|other| other.name.clone())
                .filter(|name| names.contains(name))
                .collect(),
        })
    };
    packages.iter().filter(is_published).map(published).collect()
}

fn in_order(mut waiting: Vec<Published>) -> anyhow::Result<Vec<Published>> {
    let mut ordered: Vec<Published> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |one: &Published| {
            one.needs.iter().all(|need| ordered.iter().any(|other| other.name == *need))
        };
        let ready =
            waiting.iter().position(is_ready).context("crates need each other in a circle")?;
        ordered.push(waiting.remove(ready));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(name: &str, needs: &[&str]) -> Published {
        Published {
            name: name.to_owned(),
            version: String::new(),
            folder: PathBuf::new(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
        }
    }

    #[test]
    fn each_crate_comes_behind_those_it_needs() {
        let crates = [crate_of("cli", &["core", "server"]), crate_of("server", &["core"])];
        let ordered =
            in_order(crates.into_iter().chain([crate_of("core", &[])]).collect()).unwrap();
        let names: Vec<_> = ordered.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["core", "server", "cli"]);
        assert!(in_order(vec![crate_of("a", &["b"]), crate_of("b", &["a"])]).is_err());
    }

    #[test]
    fn the_three_ways_in_are_published_and_the_chores_are_not() {
        let published = all(&Repository::from_env()).unwrap();
        let is_there = |name: &str| published.iter().any(|one| one.name == name);
        assert!(
            ["passsafe-cli", "passsafe-client", "passsafe-core"].map(is_there).iter().all(|&x| x)
        );
        assert!(!is_there("xtask"));
    }
}
