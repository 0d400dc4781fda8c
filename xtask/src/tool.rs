//! Cargo subcommands that chores need, pinned and installed below `target/`, so that they
//! mean the same on every machine.

use std::path::PathBuf;
use std::process::Command;

use crate::repository::{Repository, run};

const FOLDER: &str = "target/tools";

/// A crate that installs a binary of its own name.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where it is, installed first if it is missing or another version.
    pub(crate) fn path(&self, repository: &Repository) -> anyhow::Result<PathBuf> {
        let Self { name, version } = self;
        let path = repository.path(FOLDER).join("bin").join(name);
        let answer = Command::new(&path).arg("--version").output();
        let expected = format!(" {version}");
        if !answer.is_ok_and(|answer| answer.stdout.trim_ascii().ends_with(expected.as_bytes())) {
            println!("installing {name} {version} into {FOLDER} (about a minute, once)");
            let install = ["install", "--quiet", "--locked", "--debug", "--root", FOLDER, name];
            let mut cargo = repository.cargo(&install);
            cargo.args(["--version", version]);
            run(cargo)?;
        }
        Ok(path)
    }
}
