//! Cargo subcommands that chores need, pinned and installed below `target/`, so that they
//! mean the same on every machine.

use std::fs;
use std::path::PathBuf;

use crate::repository::{Repository, run};

const FOLDER: &str = "target/tools";

/// A crate that installs a binary of its own name.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where it is, installed first if cargo's list has none or another version.
    pub(crate) fn path(&self, repository: &Repository) -> anyhow::Result<PathBuf> {
        let Self { name, version } = self;
        let (folder, this) = (repository.path(FOLDER), format!("\"{name} {version} ("));
        let path = folder.join("bin").join(name);
        let listed = fs::read_to_string(folder.join(".crates.toml")).unwrap_or_default();
        if !path.exists() || !listed.contains(&this) {
            println!("installing {name} {version} into {FOLDER} (about a minute, once)");
            let install =
                ["install", "--quiet", "--locked", "--debug", "--force", "--root", FOLDER];
            let mut cargo = repository.cargo(&install);
            cargo.args([name, "--version", version]);
            run(cargo)?;
        }
        Ok(path)
    }
}
