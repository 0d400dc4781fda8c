//! Python packages that a chore needs, pinned, each in an environment of its own below
//! `target/tools`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::repository::{Repository, run};

/// The environment's interpreter; the packages are installed when they were not.
pub(crate) fn provide(
    repository: &Repository,
    name: &str,
    packages: &[&str],
) -> anyhow::Result<PathBuf> {
    let folder = repository.path("target/tools").join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("made-of");
    let made_of = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|before| before == made_of) && python.exists() {
        return Ok(python);
    }
    println!("installing {} into target/tools/{name} (once)", packages.join(", "));
    let mut venv = repository.command("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    run(venv).context("Python's venv is needed; in Debian it is the package python3-venv")?;
    if !packages.is_empty() {
        let mut pip = repository.command(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        run(pip)?;
    }
    fs::write(stamp, made_of)?;
    Ok(python)
}
