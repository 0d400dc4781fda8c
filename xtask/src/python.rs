//! The Python module as its users get it: a wheel, installed into an environment of its own,
//! and its tests against real safes, notebooks and a database. The chores that Python does for
//! others use the same environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::repository::{Repository, run};
use crate::{binary, venv};

const CRATE: &str = "crates/passsafe-python";
const REQUIREMENTS: &str = "crates/passsafe-python/tests/requirements.txt";
const WHEELS: &str = "target/python/wheels";

/// Style, types and tests: a step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let python = environment(repository)?;
    let ruff = ["-m", "ruff", "format", "--check", "--quiet", CRATE];
    run(command(repository, &python, &ruff)).context("`ruff format` mends it")?;
    run(command(repository, &python, &["-m", "ruff", "check", "--quiet", CRATE]))?;
    let wheel = install_wheel(repository, &python, "dev")?;
    let mut tests = command(repository, &python, &["-m", "pytest", "--quiet", "-n", "4", CRATE]);
    tests.env("PASSSAFE_BINARY", binary::debug(repository)?).env("PASSSAFE_TEST_WHEEL", wheel);
    run(tests)
}

/// The test vectors of the sealed record and the token: written by another implementation than
/// passsafe-core, in another language and on other libraries, so that the two check each other.
pub(crate) fn vectors(repository: &Repository, arguments: &[&str]) -> anyhow::Result<()> {
    let generator = [&["xtask/vectors.py"], arguments].concat();
    run(command(repository, &environment(repository)?, &generator)).context("the test vectors")
}

/// The interpreter of the environment, with what is pinned for it installed.
pub(crate) fn environment(repository: &Repository) -> anyhow::Result<PathBuf> {
    let requirements = fs::read_to_string(repository.path(REQUIREMENTS))?;
    let pinned: Vec<_> = requirements.lines().filter(|line| !line.starts_with('#')).collect();
    venv::provide(repository, "python", &pinned)
}

/// The same, with the wheel as it is released.
pub(crate) fn with_wheel(repository: &Repository) -> anyhow::Result<PathBuf> {
    let python = environment(repository)?;
    install_wheel(repository, &python, "release")?;
    Ok(python)
}

/// The same, with the wheel as the tests have it.
pub(crate) fn with_dev_wheel(repository: &Repository) -> anyhow::Result<PathBuf> {
    let python = environment(repository)?;
    install_wheel(repository, &python, "dev")?;
    Ok(python)
}

/// The same, if there is one with a wheel already.
pub(crate) fn if_there(repository: &Repository) -> Option<PathBuf> {
    let python = repository.path("target/tools/python/bin/python");
    let mut import = command(repository, &python, &["-c", "import passsafe"]);
    let imported = import.stderr(Stdio::null()).status();
    imported.is_ok_and(|status| status.success()).then_some(python)
}

/// An interpreter, and nothing that was asked of the caller's.
pub(crate) fn command(repository: &Repository, python: &Path, arguments: &[&str]) -> Command {
    let mut command = repository.command(python);
    command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
    command
}

/// Puts the wheel into the environment, and says where it is.
fn install_wheel(repository: &Repository, python: &Path, profile: &str) -> anyhow::Result<PathBuf> {
    let folder = repository.path(WHEELS);
    let _none_yet = fs::remove_dir_all(&folder);
    let manifest = format!("{CRATE}/Cargo.toml");
    let maturin = ["-m", "maturin", "build", "--locked", "--quiet", "--profile", profile];
    let places = ["--manifest-path", &manifest, "--out", WHEELS];
    run(command(repository, python, &[&maturin[..], &places].concat()))?;
    let wheel = only_file(&folder)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let again = ["--force-reinstall", "--no-deps", &*wheel.to_string_lossy()];
    run(command(repository, python, &[&pip[..], &again].concat()))?;
    Ok(wheel)
}

fn only_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut files = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file?),
        _ => bail!("there is not one file in {}", folder.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        let requirements = fs::read_to_string(Repository::from_env().path(REQUIREMENTS)).unwrap();
        for line in requirements.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains("=="), "{line}");
        }
    }
}
