//! The command as one file that needs nothing of the system but its kernel.
//!
//! glibc is linked in, not musl: the toolchain brings the one and not the other, and what
//! passsafe asks of it (account names) is in the static library since glibc 2.34.

use std::path::PathBuf;

use anyhow::Context as _;

use super::Build;
use crate::repository::run;

/// The only system that it is built for here.
pub(super) const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(super) fn build(build: &Build<'_>) -> anyhow::Result<PathBuf> {
    let arguments =
        ["build", "--release", "--locked", "--package", "passsafe-cli", "--target", TARGET];
    let mut cargo = build.cargo(&arguments)?;
    build.without_paths(&mut cargo, "-Ctarget-feature=+crt-static")?;
    run(cargo).context("glibc's static library is needed; in Debian it is in libc6-dev")?;
    Ok(build.target.join(TARGET).join("release/passsafe"))
}
