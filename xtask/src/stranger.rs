//! A place that is no clone of this repository: a folder of its own whose cargo knows the
//! published crates from their `.crate` files alone, and asks no network. What is built of the
//! crates of others is kept below `target/packages` from one run to the next.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::published;
use crate::repository::{Repository, run};

const FOLDER: &str = "target/packages";

/// The place, gone when dropped.
pub(crate) struct Stranger<'a> {
    repository: &'a Repository,
    place: TempDir,
}

impl<'a> Stranger<'a> {
    /// Packages the crates as they are in the working tree, and forgets where they came from.
    pub(crate) fn new(repository: &'a Repository) -> anyhow::Result<Self> {
        let files = published::package(repository, FOLDER, false)?;
        Self::with_files(repository, &files)
    }

    /// The same with files that are there.
    pub(crate) fn with_files(repository: &'a Repository, files: &Path) -> anyhow::Result<Self> {
        let place = tempfile::Builder::new().prefix("passsafe-stranger-").tempdir()?;
        let (home, crates) = (place.path().join("home"), place.path().join("crates"));
        fs::create_dir_all(home.join(".cargo"))?;
        fs::create_dir(&crates)?;
        let mut ours = toml::Table::new();
        for (name, file) in published::files(repository, files)? {
            let mut tar = repository.command("tar");
            tar.arg("--extract").arg("--file").arg(&file).current_dir(&crates);
            run(tar)?;
            let folder = file.file_stem().context("a file without a name")?;
            let folder = crates.join(folder);
            ours.insert(
                name,
                toml::toml! { path = (folder.to_string_lossy().into_owned()) }.into(),
            );
        }
        let config = toml::Table::from_iter([(
            "patch".to_owned(),
            toml::Table::from_iter([("crates-io".to_owned(), ours.into())]).into(),
        )]);
        fs::write(home.join(".cargo/config.toml"), config.to_string())?;
        // The versions of the crates of others, which are those that are there.
        fs::copy(repository.path("Cargo.lock"), home.join("Cargo.lock"))?;
        Ok(Self { repository, place })
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.place.path().join("home")
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

    /// `cargo install passsafe-cli`, from its file. Returns the command.
    pub(crate) fn install_command(&self, version: &str) -> anyhow::Result<PathBuf> {
        let folder = format!("../crates/passsafe-cli-{version}");
        run(self.cargo(&[
            "install",
            "--quiet",
            "--debug",
            "--root",
            "installed",
            "--path",
            &folder,
        ]))?;
        Ok(self.home().join("installed/bin/passsafe"))
    }

    /// Fails if anything that is built here comes from elsewhere than files of crates.
    pub(crate) fn ensure_no_path_leads_back(&self) -> anyhow::Result<()> {
        let place = self.place.path().canonicalize()?;
        let metadata = published::parsed(self.cargo(&["metadata", "--format-version", "1"]))?;
        for package in metadata.packages.iter().filter(|one| one.source.is_none()) {
            let manifest = package.manifest_path.as_std_path().canonicalize()?;
            let is_here = manifest.starts_with(&place);
            ensure!(is_here, "{} is built from {}", package.name, manifest.display());
        }
        Ok(())
    }
}

impl Drop for Stranger<'_> {
    /// The next one has other paths, so what was built of ours is of no more use.
    fn drop(&mut self) {
        for folder in ["deps", ".fingerprint"] {
            let folder = self.repository.path(FOLDER).join("build/debug").join(folder);
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().contains("passsafe") {
                    let path = entry.path();
                    let _gone = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
                }
            }
        }
    }
}
