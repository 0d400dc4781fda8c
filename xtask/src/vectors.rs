//! The test vectors of the sealed record and the token, written by `xtask/vectors.py`, an
//! implementation in another language and with other libraries than passsafe-core.
//!
//! Core's tests read the files, so the two implementations check each other.

use anyhow::Context as _;

use crate::repository::{Repository, run};
use crate::venv;

const PACKAGES: [&str; 5] = [
    "PyNaCl==1.6.2",
    "argon2-cffi==25.1.0",
    "argon2-cffi-bindings==26.2.0",
    "cffi==2.1.1",
    "pycparser==3.12",
];

/// Writes the files.
pub(crate) fn write(repository: &Repository) -> anyhow::Result<()> {
    generate(repository, &[])
}

/// Fails if the files are not what [`write()`] would write.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    generate(repository, &["--check"])
}

fn generate(repository: &Repository, arguments: &[&str]) -> anyhow::Result<()> {
    let python = venv::provide(repository, "vectors", &PACKAGES)?;
    let mut generator = repository.command(python);
    generator.arg("xtask/vectors.py").args(arguments);
    run(generator).context("the test vectors")
}
