//! The Python packages: a wheel for this system, and the source that others build one of.

use std::fs;

use anyhow::Context as _;

use super::{Build, sbom};
use crate::repository::{Repository, run};
use crate::venv;

pub(super) const CRATE: &str = "crates/passsafe-python";
/// The package's name as files are named after it.
pub(super) const MODULE: &str = "passsafe_client";
/// Where the tests pin maturin; there is no second place.
const REQUIREMENTS: &str = "crates/passsafe-python/tests/requirements.txt";

pub(super) fn build(repository: &Repository, build: &Build<'_>) -> anyhow::Result<()> {
    let requirements = fs::read_to_string(build.tree.path(REQUIREMENTS))?;
    let maturin = requirements.lines().find(|line| line.starts_with("maturin=="));
    let maturin = maturin.with_context(|| format!("{REQUIREMENTS} does not pin maturin"))?;
    let python = venv::provide(repository, "maturin", &[maturin])?;
    let maturin = |arguments: &[&str]| {
        let mut maturin = build.tree.command(&python);
        maturin.args(["-m", "maturin"]).args(arguments).arg("--manifest-path");
        maturin.arg(build.tree.path(CRATE).join("Cargo.toml")).arg("--out").arg(&build.out);
        build.without_paths(&mut maturin, "")?;
        run(maturin)
    };
    let list = build.out.join(sbom::name(MODULE, &build.version));
    let list = list.to_str().context("a path that is not UTF-8")?;
    maturin(&["build", "--release", "--locked", "--quiet", "--sbom-include", list])?;
    maturin(&["sdist"])
}
