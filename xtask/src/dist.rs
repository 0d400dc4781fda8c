//! What is given out besides the crates: an archive with the command, the Python packages,
//! their checksums, and lists of what is inside.
//!
//! All of it is made of the current commit, never of the working tree, and the same commit
//! gives the same bytes wherever it is built with the same tools: paths and times are left
//! out or taken from the commit. `cargo xtask dist --check` builds in two places and compares,
//! and then uses what it has built as a stranger would.

mod archive;
mod binary;
mod notices;
mod python;
mod sbom;
mod seen;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::checkout::{Checkout, git, said};
use crate::published;
use crate::repository::Repository;
use crate::stranger;

/// What is made, for others.
const FOLDER: &str = "target/dist";
/// Where it is made; the second is longer on purpose, so that a path that gets into a file
/// shows in its length already.
const PLACES: [&str; 2] = ["target/dist-build/one", "target/dist-build/the-other-one-of-the-two"];
const CARGO_CONFIG: &str = ".cargo/config.toml";
const SUMS: &str = "SHA256SUMS";

/// Makes everything once.
pub(crate) fn make(repository: &Repository) -> anyhow::Result<()> {
    let files = make_in(repository, &current(repository)?, PLACES[0], &repository.path(FOLDER))?;
    show(&files)
}

/// Makes everything twice, compares, and shows that it works.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let (first, second) = (repository.path(FOLDER), repository.path("target/dist-again"));
    // Asked for once: another may come while this runs.
    let commit = current(repository)?;
    let files = make_in(repository, &commit, PLACES[0], &first)?;
    make_in(repository, &commit, PLACES[1], &second)?;
    same_bytes(&first, &second)?;
    show(&files)?;
    println!("built twice in different folders: the same bytes");
    seen::works(repository, &first)
}

fn current(repository: &Repository) -> anyhow::Result<String> {
    said(git(repository, &["rev-parse", "HEAD"]))
}

/// The files that were made of a commit, all in `out`.
fn make_in(
    repository: &Repository,
    commit: &str,
    place: &str,
    out: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    let started = Instant::now();
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    let checkout = Checkout::new(repository, &format!("{place}/source"), commit)?;
    let build = Build {
        tree: &checkout.tree,
        target: repository.path(place).join("build"),
        epoch: said(git(repository, &["log", "-1", "--format=%ct", commit]))?.parse()?,
        version: version(&checkout.tree)?,
        out: out.to_owned(),
    };
    archive::write(&build, &binary::build(&build)?)?;
    sbom::write(&build)?;
    if checkout.tree.path(python::CRATE).exists() {
        python::build(repository, &build)?;
    }
    let crates = published::all(&checkout.tree)?;
    for file in stranger::package(&checkout.tree, &crates, false)? {
        fs::copy(&file, out.join(file.file_name().context("a file without a name")?))?;
    }
    write_sums(out)?;
    println!("made in {:.0} s", started.elapsed().as_secs_f32());
    files(out)
}

/// What everything is made of, and where to.
struct Build<'a> {
    /// The commit, checked out.
    tree: &'a Repository,
    target: PathBuf,
    /// When the commit was made, in seconds since 1970: the time of everything.
    epoch: u64,
    version: String,
    out: PathBuf,
}

impl Build<'_> {
    /// A cargo that writes neither paths nor times of this machine.
    fn cargo(&self, arguments: &[&str]) -> anyhow::Result<std::process::Command> {
        let mut cargo = self.tree.cargo(arguments);
        self.without_paths(&mut cargo, "")?;
        Ok(cargo)
    }

    fn without_paths(
        &self,
        command: &mut std::process::Command,
        flags: &str,
    ) -> anyhow::Result<()> {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
        let places = [
            (self.target.clone(), "/build"),
            (self.tree.path("").canonicalize()?, "/passsafe"),
            (home.context("no home folder")?, "/cargo"),
        ];
        let (mut rust, mut c) = (self.configured_flags()?, Vec::new());
        rust.push(flags.to_owned());
        for (from, to) in places {
            let from = from.to_str().context("a path that is not UTF-8")?;
            ensure!(!from.contains(char::is_whitespace), "white space in the path {from}");
            rust.push(format!("--remap-path-prefix={from}={to}"));
            c.push(format!("-ffile-prefix-map={from}={to}"));
        }
        rust.retain(|flag| !flag.is_empty());
        command.env("RUSTFLAGS", rust.join(" ")).env("CFLAGS", c.join(" "));
        command.env("CARGO_TARGET_DIR", &self.target);
        command.env("SOURCE_DATE_EPOCH", self.epoch.to_string());
        Ok(())
    }

    /// Those of every build here. A variable would otherwise stand in their place.
    fn configured_flags(&self) -> anyhow::Result<Vec<String>> {
        let config = fs::read_to_string(self.tree.path(CARGO_CONFIG))?;
        let Config { build } = toml::from_str(&config)?;
        Ok(build.rustflags)
    }
}

/// What of cargo's configuration matters here.
#[derive(Deserialize)]
struct Config {
    build: BuildConfig,
}

#[derive(Deserialize)]
struct BuildConfig {
    rustflags: Vec<String>,
}

fn version(tree: &Repository) -> anyhow::Result<String> {
    let crates = published::all(tree)?;
    let command = crates.into_iter().find(|one| one.name == "passsafe-cli");
    Ok(command.context("no passsafe-cli")?.version)
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

fn write_sums(out: &Path) -> anyhow::Result<()> {
    let mut sums = String::new();
    for file in files(out)? {
        sums.extend([checksum(&file)?, "  ".to_owned(), name(&file), "\n".to_owned()]);
    }
    Ok(fs::write(out.join(SUMS), sums)?)
}

fn checksum(file: &Path) -> anyhow::Result<String> {
    Ok(HEXLOWER.encode(digest(&SHA256, &fs::read(file)?).as_ref()))
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn show(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        println!("{:>10}  {FOLDER}/{}", fs::metadata(file)?.len(), name(file));
    }
    Ok(())
}

fn same_bytes(first: &Path, second: &Path) -> anyhow::Result<()> {
    let names = |folder: &Path| anyhow::Ok(files(folder)?.iter().map(|file| name(file)).collect());
    let (ours, theirs): (Vec<String>, Vec<String>) = (names(first)?, names(second)?);
    ensure!(ours == theirs, "one build made {ours:?}, the other {theirs:?}");
    let mut others = Vec::new();
    for name in ours {
        if fs::read(first.join(&name))? != fs::read(second.join(&name))? {
            others.push(name);
        }
    }
    match others.len() {
        0 => Ok(()),
        _ => bail!("not the same bytes twice: {}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_byte_and_another_file_are_found() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (first.path(), second.path());
        fs::write(first.join("a"), "1").unwrap();
        fs::write(second.join("a"), "1").unwrap();
        same_bytes(first, second).unwrap();
        fs::write(second.join("a"), "2").unwrap();
        let error = same_bytes(first, second).unwrap_err().to_string();
        assert_eq!(error, "not the same bytes twice: a");
        fs::write(first.join("a"), "2").unwrap();
        fs::write(second.join("b"), "").unwrap();
        assert!(same_bytes(first, second).is_err());
    }

    #[test]
    fn checksums_are_those_of_the_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "abc").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        write_sums(folder.path()).unwrap();
        let sums = fs::read_to_string(folder.path().join(SUMS)).unwrap();
        assert_eq!(
            sums,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
        );
    }
}
