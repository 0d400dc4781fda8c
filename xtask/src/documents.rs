//! The code blocks of the documents, run by `xtask/documents.py` in a network of its own:
//! loopback and nothing else, so that the examples' port is free and no other safe is in the way.

use std::fs;

use anyhow::{Context as _, ensure};

use crate::repository::{Repository, run};
use crate::{binary, python};

/// What the example in JavaScript needs.
const NODE: &str = "libsodium-wrappers-sumo@0.8.4";

/// Runs them all: a step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "a network of its own takes root");
    let modules = repository.path("target/tools/node");
    let stamp = modules.join(NODE);
    if !stamp.exists() {
        let mut npm = repository.command("npm");
        npm.args(["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&modules).arg(NODE);
        run(npm)?;
        fs::write(stamp, "")?;
    }
    let passsafe = binary::debug(repository)?;
    let python = python::with_dev_wheel(repository)?;
    let tests = ["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "xtask/documents.py"];
    let tests = python::command(repository, &python, &tests);
    let mut apart = repository.command("unshare");
    apart.arg("--net").arg(tests.get_program()).args(tests.get_args());
    apart.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
    apart.env("PASSSAFE_BUILT", passsafe.parent().context("a program without a folder")?);
    run(apart)
}
