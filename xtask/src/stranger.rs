//! A place that is no clone of this repository: a folder of its own whose cargo knows the
//! published crates from their `.crate` files alone, and no registry.
//!
//! The crates of others come from a copy of what `Cargo.lock` names. What is built here is
//! kept below `target/packages` from one run to the next, except the crates of ours.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use data_encoding::HEXLOWER;
use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};
use serde_json::json;
use tempfile::TempDir;

use crate::published::{self, Published};
use crate::repository::{Repository, run};

const FOLDER: &str = "target/packages";

/// The place, gone when dropped.
pub(crate) struct Stranger<'a> {
    repository: &'a Repository,
    home: TempDir,
    pub(crate) crates: Vec<Published>,
}

impl<'a> Stranger<'a> {
    /// Packages the crates as they are in the working tree, and forgets where they came from.
    pub(crate) fn new(repository: &'a Repository) -> anyhow::Result<Self> {
        let crates = published::all(repository)?;
        let files = package(repository, &crates, false)?;
        Self::with_files(repository, crates, &files)
    }

    /// The same with files that are there, one for each of the crates.
    pub(crate) fn with_files(
        repository: &'a Repository,
        crates: Vec<Published>,
        files: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let registry = repository.path(FOLDER).join("registry");
        copy_dependencies(repository, &registry)?;
        for (one, file) in crates.iter().zip(files) {
            unpack(file, &registry, &format!("{}-{}", one.name, one.version))?;
        }
        forget_builds(&repository.path(FOLDER).join("build"))?;
        let home = tempfile::Builder::new().prefix("passsafe-stranger-").tempdir()?;
        fs::create_dir(home.path().join(".cargo"))?;
        fs::write(home.path().join(".cargo/config.toml"), source(&registry))?;
        Ok(Self { repository, home, crates })
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A cargo that is started there and asks no network.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = self.repository.cargo(arguments);
        // By name, for `cargo install` looks for no configuration where it is started.
        cargo.arg("--config").arg(self.home().join(".cargo/config.toml"));
        cargo.current_dir(self.home()).arg("--offline");
        cargo.env("CARGO_TARGET_DIR", self.repository.path(FOLDER).join("build"));
        // A debug build, for the time it takes; Argon2 without optimisation would take longer.
        for slow in ["argon2", "blake2", "passsafe-core"] {
            cargo.args(["--config", &format!("profile.dev.package.{slow}.opt-level=3")]);
        }
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }

    /// `cargo install passsafe-cli`, as the README has it. Returns the command.
    pub(crate) fn install_command(&self) -> anyhow::Result<PathBuf> {
        let install =
            ["install", "--quiet", "--debug", "--locked", "--root", "installed", "passsafe-cli"];
        run(self.cargo(&install))?;
        Ok(self.home().join(format!("installed/bin/passsafe{}", std::env::consts::EXE_SUFFIX)))
    }

    /// Fails if anything that is built here comes from elsewhere than files of crates.
    pub(crate) fn ensure_no_path_leads_back(&self) -> anyhow::Result<()> {
        let registry = self.repository.path(FOLDER).join("registry").canonicalize()?;
        let home = self.home().canonicalize()?;
        let metadata = published::metadata(self.cargo(&["metadata", "--format-version", "1"]))?;
        for package in &metadata.packages {
            let manifest = package.manifest_path.as_std_path().canonicalize()?;
            let known = manifest.starts_with(&registry) || manifest.starts_with(&home);
            ensure!(known, "{} is built from {}", package.name, manifest.display());
        }
        Ok(())
    }
}

/// The `.crate` files, in the order of `crates`. Verified means built, each from its file.
pub(crate) fn package(
    repository: &Repository,
    crates: &[Published],
    verified: bool,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut cargo = repository.cargo(&["package", "--quiet", "--locked", "--allow-dirty"]);
    cargo.args(["--target-dir", FOLDER]);
    if !verified {
        cargo.arg("--no-verify");
    }
    for one in crates {
        cargo.args(["--package", &one.name]);
    }
    run(cargo)?;
    let folder = repository.path(FOLDER).join("package");
    Ok(crates
        .iter()
        .map(|one| folder.join(format!("{}-{}.crate", one.name, one.version)))
        .collect())
}

/// Copies the crates of others once for each `Cargo.lock`: a copy is new to cargo, and
/// everything would be built again.
fn copy_dependencies(repository: &Repository, registry: &Path) -> anyhow::Result<()> {
    let stamp = registry.with_extension("lock");
    let lock = fs::read(repository.path("Cargo.lock"))?;
    if fs::read(&stamp).is_ok_and(|copied| copied == lock) {
        return Ok(());
    }
    let mut vendor = repository.cargo(&["vendor", "--quiet", "--locked", "--versioned-dirs"]);
    vendor.arg(registry).stdout(std::process::Stdio::null());
    run(vendor)?;
    fs::write(stamp, lock)?;
    Ok(())
}

/// Puts a crate's file where a directory source looks for it.
fn unpack(file: &Path, registry: &Path, name: &str) -> anyhow::Result<()> {
    let folder = registry.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let content = File::open(file).with_context(|| format!("there is no {}", file.display()))?;
    tar::Archive::new(GzDecoder::new(content)).unpack(registry)?;
    ensure!(folder.exists(), "{} holds no {name}", file.display());
    let checksum = HEXLOWER.encode(digest(&SHA256, &fs::read(file)?).as_ref());
    let claim = json!({ "files": {}, "package": checksum });
    fs::write(folder.join(".cargo-checksum.json"), claim.to_string())?;
    Ok(())
}

/// Cargo takes a crate of a registry for the same as long as its version is.
fn forget_builds(build: &Path) -> anyhow::Result<()> {
    let fingerprints = build.join("debug/.fingerprint");
    if !fingerprints.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(fingerprints)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("passsafe") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn source(registry: &Path) -> String {
    let mut files = toml::Table::new();
    files.insert("directory".to_owned(), registry.to_string_lossy().into_owned().into());
    let mut ours = toml::Table::new();
    ours.insert("replace-with".to_owned(), "files".into());
    let mut sources = toml::Table::new();
    sources.insert("crates-io".to_owned(), ours.into());
    sources.insert("files".to_owned(), files.into());
    let mut config = toml::Table::new();
    config.insert("source".to_owned(), sources.into());
    config.to_string()
}
