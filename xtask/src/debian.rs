//! Programs and libraries of the system that a chore needs, from Debian's packages.
//!
//! What is there already is used as it is. Installing takes root and a Debian.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::repository::{Repository, run};

/// Installs what of `packages` is not there. Those that cannot be installed without root are
/// returned. A package is written as its name, or as `name=program` where a program of that name
/// does as well, whatever brought it.
pub(crate) fn install<'a>(
    repository: &Repository,
    packages: &[&'a str],
) -> anyhow::Result<Vec<&'a str>> {
    let missing: Vec<&str> = packages
        .iter()
        .map(|package| package.split_once('=').unwrap_or((package, "")))
        .filter(|(package, program)| !is_in_path(program) && !is_installed(package))
        .map(|(package, _)| package)
        .collect();
    if missing.is_empty() || !rustix::process::geteuid().is_root() {
        return Ok(missing);
    }
    apt_get(repository, &missing)?;
    Ok(Vec::new())
}

fn is_in_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    !program.is_empty() && std::env::split_paths(&folders).any(|it| it.join(program).exists())
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    query.output().is_ok_and(|answer| answer.stdout == b"installed")
}

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
    apt_get(repository, packages)?;
    there().with_context(|| format!("{names}: installed, and still not there"))
}

fn apt_get(repository: &Repository, packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    println!("installing Debian's {names}");
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    for arguments in [&["update", "--quiet"][..], &[&install, packages].concat()] {
        let mut apt = repository.command("apt-get");
        // The runlevel for repairs: no service is started, for a database say, that was not
        // asked for.
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        run(apt).with_context(|| format!("install {names}, then try again"))?;
    }
    Ok(())
}
