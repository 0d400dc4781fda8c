//! Python packages that a chore needs, pinned, each set in an environment of its own below
//! `target/tools`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use crate::repository::{Repository, run};

/// The environment's interpreter; the packages are installed when they, or the interpreter that
/// they were installed for, are others than last time.
pub(crate) fn provide(
    repository: &Repository,
    name: &str,
    packages: &[&str],
) -> anyhow::Result<PathBuf> {
    const HINT: &str = "Python is needed as `python3`, with its venv (Debian: python3-venv)";
    let folder = repository.path("target/tools").join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("made-of");
    let version = repository.command("python3").arg("--version").output().context(HINT)?;
    ensure!(version.status.success(), "{HINT}");
    let version = String::from_utf8_lossy(&version.stdout);
    let made_of = format!("{version}{}", packages.join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|before| before == made_of) && python.exists() {
        return Ok(python);
    }
    println!("installing {} into target/tools/{name} (once)", packages.join(", "));
    let mut venv = repository.command("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    run(venv).context(HINT)?;
    if !packages.is_empty() {
        let mut pip = repository.command(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        run(pip)?;
    }
    fs::write(stamp, made_of)?;
    Ok(python)
}
