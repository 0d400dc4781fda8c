//! Where the repository is, and how commands are run in it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// The working tree, found without regard to the current directory.
pub(crate) struct Repository {
    root: PathBuf,
    cargo: OsString,
}

impl Repository {
    /// Takes what `cargo run` says; started without it, what the build knew.
    pub(crate) fn from_env() -> Self {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        let manifest_dir = PathBuf::from(manifest_dir);
        let root = manifest_dir.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        Self { root, cargo: env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")) }
    }

    /// Another working tree of it.
    pub(crate) fn at(&self, root: PathBuf) -> Self {
        Self { root, cargo: self.cargo.clone() }
    }

    /// A path of the repository, written with slashes.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The `cargo` that started us, at the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.cargo);
        command.args(arguments);
        command
    }

    /// A program at the root.
    ///
    /// What cargo told us about the package xtask is hidden from it: build scripts that
    /// watch those variables (ring's does) would run again each time.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).env("CARGO", &self.cargo);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// Runs a command with our streams and fails if it fails.
pub(crate) fn run(mut command: Command) -> anyhow::Result<()> {
    let shown = shown(&command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// What a command prints, without white space around it.
pub(crate) fn said(mut command: Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(&command)))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` failed: {errors}", shown(&command));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_command_that_fails_is_named_in_the_error() {
        let repository = Repository::from_env();
        let mut command = repository.cargo(&["no-such-command"]);
        command.stderr(Stdio::null());
        let error = run(command).unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-command` failed"), "{error}");
    }

    #[test]
    fn the_root_is_the_folder_of_the_workspace() {
        let manifest = std::fs::read_to_string(Repository::from_env().path("Cargo.toml")).unwrap();
        assert!(manifest.starts_with("[workspace]"));
    }
}
