//! What is given out besides the crates: an archive with the command, the Python packages,
//! their checksums, and lists of what is inside.
//!
//! All of it is made of the current commit, never of the working tree, and the same commit
//! gives the same bytes wherever it is built with the same tools: paths and times are left
//! out or taken from the commit. `cargo xtask dist --check` builds in two places and compares,
//! and then uses what it has built as a stranger would.

mod archive;
mod check;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::checkout::{Checkout, git};
use crate::repository::{Repository, run, said};
use crate::tool::Tool;
use crate::{published, venv};

/// What is made, for others.
const FOLDER: &str = "target/dist";
/// Where it is made; the second is longer on purpose, so that a path that gets into a file
/// shows in its length already.
const PLACES: [&str; 2] = ["target/dist-build/one", "target/dist-build/the-other-one-of-the-two"];
/// The only system that the command is built for here. glibc is linked in, not musl: the toolchain
/// brings the one and not the other, and what passsafe asks of it (account names) is in the static
/// library since glibc 2.34.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9" };
const PYTHON: &str = "crates/passsafe-python";
/// The Python package's name as files are named after it.
const MODULE: &str = "passsafe_client";
/// Where the tests pin maturin; there is no second place.
const REQUIREMENTS: &str = "crates/passsafe-python/tests/requirements.txt";

/// Makes everything once.
pub(crate) fn make(repository: &Repository) -> anyhow::Result<()> {
    let commit = said(git(repository, &["rev-parse", "HEAD"]))?;
    make_in(repository, &commit, PLACES[0], FOLDER)?;
    show(repository)
}

/// Makes everything twice, compares, and shows that it works.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    // Asked for once: another may come while this runs.
    let commit = said(git(repository, &["rev-parse", "HEAD"]))?;
    make_in(repository, &commit, PLACES[0], FOLDER)?;
    make_in(repository, &commit, PLACES[1], "target/dist-again")?;
    let mut diff = repository.command("diff");
    diff.args(["--recursive", "--brief", FOLDER, "target/dist-again"]);
    run(diff).context("not the same bytes twice")?;
    println!("built twice in different folders: the same bytes");
    show(repository)?;
    check::works(repository, &repository.path(FOLDER))
}

fn show(repository: &Repository) -> anyhow::Result<()> {
    let mut list = repository.command("ls");
    list.args(["-l", FOLDER]);
    run(list)
}

/// What everything is made of, and where to.
struct Build<'a> {
    /// The commit, checked out.
    tree: &'a Repository,
    target: PathBuf,
    /// When the commit was made, in seconds since 1970: the time of everything.
    epoch: String,
    version: String,
    out: PathBuf,
}

fn make_in(repository: &Repository, commit: &str, place: &str, out: &str) -> anyhow::Result<()> {
    let _none_yet = fs::remove_dir_all(repository.path(out));
    fs::create_dir_all(repository.path(out))?;
    let checkout = Checkout::new(repository, &format!("{place}/source"), commit)?;
    let tree = &checkout.tree;
    let build = Build {
        tree,
        target: repository.path(place).join("build"),
        epoch: said(git(repository, &["log", "-1", "--format=%ct", commit]))?,
        version: command_version(tree)?,
        out: repository.path(out),
    };
    let lists = lists(repository, &build)?;
    archive::write(&build, &binary(&build)?, &lists)?;
    python(repository, &build)?;
    for (_, file) in published::files(tree, &published::package(tree, "target", false)?)? {
        fs::copy(&file, build.out.join(file.file_name().context("a file without a name")?))?;
    }
    let mut sums = tree.command("sh");
    sums.args(["-c", "sha256sum -- *"]).current_dir(&build.out);
    Ok(fs::write(build.out.join("SHA256SUMS"), said(sums)? + "\n")?)
}

fn command_version(tree: &Repository) -> anyhow::Result<String> {
    let crates = published::all(tree)?;
    let command = crates.iter().find(|one| one.name == "passsafe-cli");
    Ok(command.context("no passsafe-cli")?.version.to_string())
}

/// Leaves paths and times of this machine out of what a command compiles.
fn without_paths(build: &Build<'_>, command: &mut Command, flags: &str) -> anyhow::Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let tree = build.tree.path("").canonicalize()?;
    let (mut rust, mut c) = (flags.to_owned(), String::new());
    for (from, to) in
        [(&build.target, "/build"), (&tree, "/passsafe"), (&home.context("no home")?, "/cargo")]
    {
        let from = from.to_str().context("a path that is not UTF-8")?;
        ensure!(!from.contains(char::is_whitespace), "white space in the path {from}");
        rust.extend([" --remap-path-prefix=", from, "=", to]);
        c.extend([" -ffile-prefix-map=", from, "=", to]);
    }
    // Added to those of .cargo/config.toml, whose place RUSTFLAGS would take.
    command.env_remove("RUSTFLAGS").env("CARGO_BUILD_RUSTFLAGS", rust.trim()).env("CFLAGS", c);
    command.env("CARGO_TARGET_DIR", &build.target).env("SOURCE_DATE_EPOCH", &build.epoch);
    Ok(())
}

/// The command as one file that needs nothing of the system but its kernel.
fn binary(build: &Build<'_>) -> anyhow::Result<PathBuf> {
    let mut cargo = build.tree.cargo(&["build", "--release", "--locked", "--target", TARGET]);
    cargo.args(["--package", "passsafe-cli"]);
    without_paths(build, &mut cargo, "-Ctarget-feature=+crt-static")?;
    run(cargo).context("glibc's static library is needed; in Debian it is in libc6-dev")?;
    Ok(build.target.join(TARGET).join("release/passsafe"))
}

/// What is inside, in the JSON of `CycloneDX`: of the command and of the wheel, without the folders
/// of this machine. Returns that of the command.
fn lists(repository: &Repository, build: &Build<'_>) -> anyhow::Result<String> {
    let mut cyclonedx = build.tree.command(CYCLONEDX.path(repository)?);
    cyclonedx.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]);
    cyclonedx.args(["--quiet", "--target", TARGET]).env("SOURCE_DATE_EPOCH", &build.epoch);
    run(cyclonedx)?;
    let root = build.tree.path("").canonicalize()?;
    let list = |package: &str, name: &str| {
        let made = build.tree.path(&format!("crates/{package}/{package}.cdx.json"));
        let text = fs::read_to_string(made)?.replace(&*root.to_string_lossy(), "/passsafe");
        fs::write(build.out.join(format!("{name}-{}.cdx.json", build.version)), &text)?;
        anyhow::Ok(text)
    };
    list("passsafe-python", MODULE)?;
    let command = list("passsafe-cli", "passsafe")?;
    // It writes one beside each manifest, where it would be packaged.
    run(git(build.tree, &["clean", "--quiet", "--force"]))?;
    Ok(command)
}

/// The Python packages: a wheel for this system, and the source that others build one of.
fn python(repository: &Repository, build: &Build<'_>) -> anyhow::Result<()> {
    let python = maturin(repository, build.tree)?;
    let maturin = |arguments: &[&str]| {
        let mut maturin = build.tree.command(&python);
        maturin.args(["-m", "maturin"]).args(arguments).arg("--manifest-path");
        maturin.arg(build.tree.path(PYTHON).join("Cargo.toml")).arg("--out").arg(&build.out);
        without_paths(build, &mut maturin, "")?;
        run(maturin)
    };
    let list = build.out.join(format!("{MODULE}-{}.cdx.json", build.version));
    let list = list.to_str().context("a path that is not UTF-8")?;
    maturin(&["build", "--release", "--locked", "--quiet", "--sbom-include", list])?;
    maturin(&["sdist"])
}

/// A Python that has the maturin of the tests.
fn maturin(repository: &Repository, tree: &Repository) -> anyhow::Result<PathBuf> {
    let requirements = fs::read_to_string(tree.path(REQUIREMENTS))?;
    let maturin = requirements.lines().find(|line| line.starts_with("maturin=="));
    let maturin = maturin.with_context(|| format!("{REQUIREMENTS} does not pin maturin"))?;
    venv::provide(repository, "maturin", &[maturin])
}

/// The files of a folder whose names end so, sorted.
fn files(folder: &Path, end: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(end));
    files.sort();
    Ok(files)
}
