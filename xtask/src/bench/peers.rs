//! Other people's programs, which passsafe is held against, and how they are had.
//!
//! Each keeps the same password as its users would have it kept, and is asked for it without
//! a person. What is installed already is used; the rest are Debian's packages, and keyring
//! from the Python package index below `target`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::Bench;
use super::chapters::whole;
use super::served::PASSWORD;
use crate::debian;
use crate::repository::{Repository, run};

/// Programs, and the packages that they come in.
const PROGRAMS: [(&str, &str); 7] = [
    ("wrk", "wrk"),
    ("redis-server", "redis-server"),
    ("redis-benchmark", "redis-tools"),
    ("argon2", "argon2"),
    ("age", "age"),
    ("gpg", "gnupg"),
    // A terminal for age, which takes passphrases from nowhere else.
    ("script", "bsdutils"),
];
const KEYRING: &str = "target/bench/keyring";
const KEYRING_PACKAGES: [&str; 2] = ["keyring==25.7.0", "keyrings.alt==5.0.2"];
/// Opens the key of gpg and the file of age.
const MASTER: &str = "S3kr!t";

/// Whether there is a program of that name.
pub(super) fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Installs what is not there.
pub(super) fn install(repository: &Repository) -> anyhow::Result<()> {
    let packages: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    let all_there = || PROGRAMS.iter().all(|(program, _)| is_there(program)).then_some(());
    debian::provide(repository, &packages, all_there)?;
    if !keyring(repository).is_file() {
        println!("installing {} into {KEYRING}", KEYRING_PACKAGES.join(" and "));
        let mut environment = repository.command("python3");
        environment.args(["-m", "venv", KEYRING]);
        run(environment)?;
        let mut pip = repository.command(repository.path(KEYRING).join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(KEYRING_PACKAGES);
        run(pip)?;
    }
    Ok(())
}

/// A program that keeps a password, and tells it.
pub(super) struct Keeper {
    name: &'static str,
    tell: Command,
    input: &'static str,
    /// What it leaves running, and how that ends.
    end: Option<Command>,
}

type Make = fn(&Bench<'_>) -> anyhow::Result<Keeper>;

impl Keeper {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Seconds that it takes.
    pub(super) fn tell(&mut self) -> anyhow::Result<f64> {
        whole(&mut self.tell, self.input.as_bytes())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(end) = &mut self.end {
            let _best_effort = end.status();
        }
    }
}

/// All of them; in a smoke run those that are there.
pub(super) fn keepers(bench: &Bench<'_>) -> anyhow::Result<Vec<Keeper>> {
    let mut keepers = Vec::new();
    let candidates: [(&str, bool, Make); 3] = [
        ("gpg", is_there("gpg"), gpg),
        ("age", is_there("age") && is_there("script"), age),
        ("keyring", keyring(bench.repository).is_file(), python_keyring),
    ];
    for (name, is_there, keeper) in candidates {
        if is_there || !bench.smoke {
            keepers.push(keeper(bench).with_context(|| name.to_owned())?);
        } else {
            println!("left out, because it is not there: {name}");
        }
    }
    Ok(keepers)
}

/// A key with a passphrase, which the agent has been told once.
fn gpg(bench: &Bench<'_>) -> anyhow::Result<Keeper> {
    let home = bench.folder.path().join("gpg");
    rustix::fs::mkdir(&home, rustix::fs::Mode::RWXU)?;
    let gpg = |arguments: &[&str]| {
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", &home).args(["--batch", "--quiet"]).args(arguments);
        gpg
    };
    let mut end = Command::new("gpgconf");
    end.env("GNUPGHOME", &home).args(["--kill", "gpg-agent"]);
    let file = home.join("password.gpg");
    let file = file.to_str().context("a path that is no text")?;
    let mut keeper = Keeper {
        name: "gpg --decrypt, the passphrase cached by its agent",
        tell: gpg(&["--decrypt", file]),
        input: "",
        end: Some(end),
    };
    let told = ["--pinentry-mode", "loopback", "--passphrase", MASTER];
    let user = "bench@localhost";
    let make = ["--quick-generate-key", user, "default", "default", "never"];
    whole(&mut gpg(&[&told[..], &make].concat()), b"")?;
    whole(&mut gpg(&["--recipient", user, "--output", file, "--encrypt"]), PASSWORD.as_bytes())?;
    whole(&mut gpg(&[&told[..], &["--decrypt", file]].concat()), b"")?;
    keeper.tell()?;
    Ok(keeper)
}

/// A file under a passphrase, which is typed each time.
fn age(bench: &Bench<'_>) -> anyhow::Result<Keeper> {
    let plain = bench.folder.path().join("plain");
    std::fs::write(&plain, PASSWORD)?;
    let typed = |line: String| {
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script
    };
    let sealed = format!("{}.age", plain.display());
    let twice = format!("{MASTER}\n{MASTER}\n");
    let seal = format!("age --passphrase --output {sealed} {}", plain.display());
    whole(&mut typed(seal), twice.as_bytes())?;
    Ok(Keeper {
        name: "age --decrypt with a passphrase",
        tell: typed(format!("age --decrypt --output /dev/null {sealed}")),
        input: "S3kr!t\n",
        end: None,
    })
}

/// Its backend for machines without a desktop: a file, unencrypted.
fn python_keyring(bench: &Bench<'_>) -> anyhow::Result<Keeper> {
    let keyring = |verb| {
        let mut keyring = Command::new(keyring(bench.repository));
        keyring
            .args([verb, "passsafe", "ana"])
            .env("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
            .env("XDG_DATA_HOME", bench.folder.path());
        keyring
    };
    whole(&mut keyring("set"), PASSWORD.as_bytes())?;
    Ok(Keeper { name: "Python's keyring get", tell: keyring("get"), input: "", end: None })
}

fn keyring(repository: &Repository) -> PathBuf {
    repository.path(KEYRING).join(Path::new("bin/keyring"))
}
