//! macOS and Windows, judged by a compiler: clippy with their `cfg`s, on this machine.
//!
//! A toolchain that has their standard libraries (`rustup target add`) is used as it is. Otherwise
//! Debian's compiler is, and checks the library from its source first, once: half a minute.
//! Nothing is linked or run, so C needs no compiler for those systems: `true` is called as one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::{Repository, run, said};

const SYSTEMS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-gnu"];
const FOLDER: &str = "target/systems";
/// Debian's compiler, its clippy, and the source of its standard library.
pub(crate) const PACKAGES: [&str; 3] = ["rustc-web", "rust-web-clippy", "rust-web-src"];
const RUSTC: &str = "/usr/bin/rustc";
const CLIPPY: &str = "/usr/bin/clippy-driver";
const SOURCE: &str = "/usr/lib/rustlib/src/rust/library";

/// A step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    if in_toolchain(repository) {
        let mut clippy = for_systems(repository, "clippy");
        clippy.args(["--workspace", "--locked", "--", "-D", "warnings"]);
        return run(clippy);
    }
    let sysroot = standard_library(repository)?;
    // As `cargo clippy` does it, with another compiler's clippy.
    let mut clippy = for_systems(repository, "check");
    clippy.args(["--workspace", "--locked"]).env("RUSTC", RUSTC);
    clippy
        .env("RUSTC_WORKSPACE_WRAPPER", CLIPPY)
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    clippy.env("RUSTFLAGS", format!("--sysroot={}", sysroot.display()));
    run(clippy)
}

/// Whether the compiler that builds all else can judge the other systems too.
pub(crate) fn in_toolchain(repository: &Repository) -> bool {
    let mut rustc = repository.command("rustc");
    rustc.args(["--print", "sysroot"]);
    said(rustc).is_ok_and(|root| SYSTEMS.iter().all(|it| library(Path::new(&root), it).exists()))
}

fn library(sysroot: &Path, system: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(system).join("lib")
}

/// Without debug information and what only a second build would use.
fn for_systems(repository: &Repository, verb: &str) -> Command {
    let mut cargo = repository.cargo(&[verb, "--quiet"]);
    cargo.arg("--target-dir").arg(repository.path(FOLDER));
    cargo.args(SYSTEMS.map(|system| format!("--target={system}")));
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
    cargo.env("CC", "true").env("AR", "true");
    cargo
}

/// A folder in which the compiler finds what it must know of the standard library.
fn standard_library(repository: &Repository) -> anyhow::Result<PathBuf> {
    let mut version = repository.command(RUSTC);
    version.arg("--version");
    let version = said(version)?.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let sysroot = repository.path(FOLDER).join(version);
    if SYSTEMS.iter().all(|system| library(&sysroot, system).exists()) {
        return Ok(sysroot);
    }
    let mut check = for_systems(repository, "check");
    check.arg("--manifest-path").arg(Path::new(SOURCE).join("sysroot/Cargo.toml"));
    check.current_dir(SOURCE).env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1");
    check.env("RUSTFLAGS", "-Zforce-unstable-if-unmarked --cap-lints=allow");
    run(check)?;
    for system in SYSTEMS {
        let library = library(&sysroot, system);
        fs::create_dir_all(&library)?;
        for file in fs::read_dir(repository.path(FOLDER).join(system).join("debug/deps"))? {
            let file = file?.path();
            if let (Some("rmeta"), Some(name)) =
                (file.extension().and_then(|it| it.to_str()), file.file_name())
            {
                fs::copy(&file, library.join(name))?;
            }
        }
    }
    Ok(sysroot)
}
