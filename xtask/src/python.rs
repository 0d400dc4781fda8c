//! The Python module as its users get it: a wheel, installed into an environment of its own,
//! and its tests against real safes, notebooks and a database.
//!
//! Everything but the interpreter and Debian's packages is installed below `target/python`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::repository::{Repository, run};
use crate::{binary, debian};

const CRATE: &str = "crates/passsafe-python";
const REQUIREMENTS: &str = "crates/passsafe-python/tests/requirements.txt";
const ENVIRONMENT: &str = "target/python/environment";
const WHEELS: &str = "target/python/wheels";
/// A server to connect to, its ODBC driver, and the library that loads drivers.
const PACKAGES: [&str; 3] = ["postgresql", "odbc-postgresql", "libodbc2"];
/// Where the packages leave the server and the driver's name.
const SERVERS: &str = "/usr/lib/postgresql";
const DRIVERS: &str = "/etc/odbcinst.ini";
const DRIVER: &str = "[PostgreSQL Unicode]";
const MANAGERS: [&str; 2] = ["/usr/lib", "/usr/lib64"];
const MANAGER: &str = "libodbc.so.2";

/// Style, types and tests: a step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    debian::provide(repository, &PACKAGES, database)?;
    let environment = Environment::provide(repository)?;
    run(environment.python(&["-m", "ruff", "format", "--check", "--quiet", CRATE]))
        .context("`ruff format` mends it")?;
    run(environment.python(&["-m", "ruff", "check", "--quiet", CRATE]))?;
    let wheel = environment.install()?;
    let mut tests = environment.python(&["-m", "pytest", "--quiet", CRATE]);
    tests.env("PASSSAFE_BINARY", binary::debug(repository)?).env("PASSSAFE_TEST_WHEEL", wheel);
    run(tests)
}

/// The interpreter of the environment, with the wheel as it is now installed in it.
pub(crate) fn with_wheel(repository: &Repository) -> anyhow::Result<PathBuf> {
    let environment = Environment::provide(repository)?;
    environment.install()?;
    Ok(environment.interpreter())
}

/// The same, if there is one with a wheel already.
pub(crate) fn if_there(repository: &Repository) -> Option<PathBuf> {
    let environment = Environment { repository };
    let mut import = environment.python(&["-c", "import passsafe"]);
    let imported = import.stderr(Stdio::null()).status();
    imported.is_ok_and(|status| status.success()).then(|| environment.interpreter())
}

fn database() -> Option<()> {
    let server = fs::read_dir(SERVERS)
        .ok()?
        .flatten()
        .any(|version| version.path().join("bin/initdb").exists());
    let driver = fs::read_to_string(DRIVERS).ok()?.contains(DRIVER);
    let folders = MANAGERS.into_iter().filter_map(|folder| fs::read_dir(folder).ok());
    let manager = folders
        .flat_map(Iterator::flatten)
        .any(|entry| entry.file_name() == MANAGER || entry.path().join(MANAGER).exists());
    (server && driver && manager).then_some(())
}

/// A Python with the pinned requirements, apart from the system's.
struct Environment<'a> {
    repository: &'a Repository,
}

impl<'a> Environment<'a> {
    /// Made anew when the requirements or the interpreter are others than last time.
    fn provide(repository: &'a Repository) -> anyhow::Result<Self> {
        let environment = Self { repository };
        let requirements = fs::read_to_string(repository.path(REQUIREMENTS))?;
        let made_of = format!("{}{requirements}", interpreter()?);
        let stamp = repository.path(ENVIRONMENT).join("made-of");
        if fs::read_to_string(&stamp).is_ok_and(|before| before == made_of) {
            return Ok(environment);
        }
        println!("installing what the tests in Python need into {ENVIRONMENT} (once)");
        let mut venv = repository.command("python3");
        venv.args(["-m", "venv", "--clear", ENVIRONMENT]);
        run(venv).context("Python's venv is needed; in Debian it is the package python3-venv")?;
        run(environment.pip(&["--requirement", REQUIREMENTS]))?;
        fs::write(stamp, made_of)?;
        Ok(environment)
    }

    fn interpreter(&self) -> PathBuf {
        self.repository.path(ENVIRONMENT).join("bin/python")
    }

    fn python(&self, arguments: &[&str]) -> Command {
        let mut python = self.repository.command(self.interpreter());
        python.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        // What else was asked of the caller's Python is none of this one's business.
        python.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        python
    }

    fn pip(&self, arguments: &[&str]) -> Command {
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        self.python(&[&install, arguments].concat())
    }

    /// Puts the wheel into the environment, and says where it is.
    fn install(&self) -> anyhow::Result<PathBuf> {
        let wheel = self.wheel()?;
        run(self.pip(&["--force-reinstall", "--no-deps", &wheel.to_string_lossy()]))?;
        Ok(wheel)
    }

    /// The wheel as it is released, and nothing else in its folder.
    fn wheel(&self) -> anyhow::Result<PathBuf> {
        let folder = self.repository.path(WHEELS);
        let _none_yet = fs::remove_dir_all(&folder);
        let manifest = format!("{CRATE}/Cargo.toml");
        let maturin = ["-m", "maturin", "build", "--release", "--locked", "--quiet"];
        let places = ["--manifest-path", &manifest, "--out", WHEELS];
        run(self.python(&[&maturin[..], &places].concat()))?;
        only_file(&folder)
    }
}

/// The version of the interpreter, which has to be one that the requirements are made for.
fn interpreter() -> anyhow::Result<String> {
    let output = Command::new("python3")
        .arg("--version")
        .output()
        .context("Python is needed, as `python3`")?;
    ensure!(output.status.success(), "`python3 --version` fails");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
        let lines = requirements.lines().filter(|line| !line.starts_with('#'));
        for line in lines.filter(|line| !line.trim().is_empty()) {
            assert!(line.contains("=="), "{line}");
        }
    }
}
