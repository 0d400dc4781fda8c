//! Programs and libraries of the system that a chore needs, from Debian's packages.
//!
//! What is there already is used as it is. Installing takes root and a Debian; without
//! either, the error names the packages, and nothing is skipped.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::repository::{Repository, run};

/// Installs `packages` unless `there` finds what they bring.
pub(crate) fn provide<T>(
    repository: &Repository,
    packages: &[&str],
    there: impl Fn() -> Option<T>,
) -> anyhow::Result<T> {
    if let Some(found) = there() {
        return Ok(found);
    }
    let names = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!("not there: {names}; install them with `apt-get install {names}` as root");
    }
    println!("installing Debian's {names}");
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    for arguments in [&["update", "--quiet"][..], &[&install, packages].concat()] {
        let mut apt = repository.command("apt-get");
        // The runlevel for repairs: no service is started, for a database say, that nobody
        // asked for.
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        run(apt).with_context(|| format!("install {names}, then try again"))?;
    }
    there().with_context(|| format!("{names}: installed, and still not there"))
}

/// The path of a program, from the package of the same name.
pub(crate) fn program(repository: &Repository, name: &str) -> anyhow::Result<PathBuf> {
    const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/bin"];
    provide(repository, &[name], || {
        FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
    })
}
