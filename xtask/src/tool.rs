//! Cargo subcommands that chores need, pinned and installed below `target/`, so that they
//! mean the same on every machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::{Repository, run};

const FOLDER: &str = "target/tools";

/// A crate that installs a binary of its own name.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where it is, installed first if need be.
    pub(crate) fn path(&self, repository: &Repository) -> anyhow::Result<PathBuf> {
        let Self { name, version } = self;
        let binary = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let path = repository.path(FOLDER).join("bin").join(binary);
        if !self.is_at(&path) {
            println!("installing {name} {version} into {FOLDER} (about a minute, once)");
            run(repository.cargo(&[
                "install",
                "--quiet",
                "--locked",
                "--debug",
                "--root",
                FOLDER,
                name,
                "--version",
                version,
            ]))?;
        }
        Ok(path)
    }

    fn is_at(&self, path: &Path) -> bool {
        let expected = format!("{} {}", self.name, self.version);
        Command::new(path)
            .arg("--version")
            .output()
            .is_ok_and(|answer| answer.stdout.trim_ascii() == expected.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_or_another_is_not_the_pinned_one() {
        let tool = Tool { name: "cargo-deny", version: "0.0.0" };
        assert!(!tool.is_at(Path::new("no/such/cargo-deny")));
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        assert!(!tool.is_at(Path::new(&cargo)));
    }
}
