//! The chores of this repository, as `cargo xtask …`.
//!
//! Every chore is a subcommand with a module of its own; nothing here is part of what
//! users install. CI runs `cargo xtask test` and nothing else.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a chore reads the environment of the person who started it, and reports to them"
)]
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "elsewhere there is the inner loop and no more")
)]

#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod binary;
#[cfg(target_os = "linux")]
mod checkout;
#[cfg(target_os = "linux")]
mod debian;
#[cfg(target_os = "linux")]
mod deny;
#[cfg(target_os = "linux")]
mod dist;
#[cfg(target_os = "linux")]
mod documents;
mod gate;
#[cfg(target_os = "linux")]
mod packages;
#[cfg(target_os = "linux")]
mod prove;
mod published;
#[cfg(target_os = "linux")]
mod python;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod release;
mod repository;
#[cfg(target_os = "linux")]
mod safe;
#[cfg(target_os = "linux")]
mod shells;
#[cfg(target_os = "linux")]
mod snapshots;
#[cfg(target_os = "linux")]
mod stranger;
#[cfg(target_os = "linux")]
mod systems;
mod tidy;
mod tool;
#[cfg(target_os = "linux")]
mod venv;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::repository::Repository;

/// Chores of the passsafe repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run the whole gate: format, rules, clippy, docs, dependency policy, vectors, tests in
    /// Rust and Python, fuzz targets.
    Test {
        /// Inner loop: format, rules, clippy and unit tests only.
        #[arg(long)]
        quick: bool,
        /// One step of the gate, by its name.
        #[arg(long, value_name = "STEP", conflicts_with = "quick")]
        only: Option<String>,
    },
    #[cfg(target_os = "linux")]
    /// Run the long proofs: all of them, or the named ones.
    Prove {
        /// Names of proofs.
        names: Vec<String>,
    },
    #[cfg(target_os = "linux")]
    /// Measure how fast passsafe is, against floors and other programs, and write the report.
    Bench {
        /// Names of chapters.
        names: Vec<String>,
        /// Run everything once and write nothing: a test of the measuring.
        #[arg(long, conflicts_with = "names")]
        smoke: bool,
    },
    #[cfg(target_os = "linux")]
    /// Make what is given out besides the crates, of the current commit, in `target/dist`.
    Dist {
        /// Make it twice, compare, and use it where there is nothing else.
        #[arg(long)]
        check: bool,
    },
    #[cfg(target_os = "linux")]
    /// Try a release in a copy, or make it; nothing is pushed or published.
    Release(release::Arguments),
    #[cfg(target_os = "linux")]
    /// Write anew what is made of the command line's definitions: help screens, docs/cli.md.
    Snapshots,
    #[cfg(target_os = "linux")]
    /// Write the test vectors of the sealed record and the token.
    Vectors {
        /// Write nothing; fail if the files are not what would be written.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let repository = Repository::from_env();
    let result = match Arguments::parse().chore {
        #[cfg(target_os = "linux")]
        Chore::Test { only: Some(step), .. } => gate::only(&repository, &step),
        #[cfg(target_os = "linux")]
        Chore::Test { quick: false, .. } => gate::whole(&repository),
        Chore::Test { .. } => gate::quick(&repository),
        #[cfg(target_os = "linux")]
        Chore::Prove { names } => prove::prove(&repository, &names),
        #[cfg(target_os = "linux")]
        Chore::Bench { smoke: true, .. } => bench::smoke(&repository),
        #[cfg(target_os = "linux")]
        Chore::Bench { names, .. } => bench::bench(&repository, &names),
        #[cfg(target_os = "linux")]
        Chore::Dist { check: false } => dist::make(&repository),
        #[cfg(target_os = "linux")]
        Chore::Dist { check: true } => dist::check(&repository),
        #[cfg(target_os = "linux")]
        Chore::Release(arguments) => release::release(&repository, &arguments),
        #[cfg(target_os = "linux")]
        Chore::Snapshots => snapshots::write(&repository),
        #[cfg(target_os = "linux")]
        Chore::Vectors { check } => {
            python::vectors(&repository, if check { &["--check"] } else { &[] })
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_chore_that_a_document_types_is_there() {
        let root = Repository::from_env().path("");
        let documents = ignore::WalkBuilder::new(root).require_git(false).build().flatten();
        let is_document = |path: &Path| path.extension().is_some_and(|it| it == "md");
        let mut typed = 0;
        for path in documents.map(ignore::DirEntry::into_path).filter(|it| is_document(it)) {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter_map(|line| line.strip_prefix("$ cargo xtask ")) {
                let words = line.split('#').next().unwrap_or_default().split_whitespace();
                let parsed = Arguments::try_parse_from(std::iter::once("xtask").chain(words));
                assert!(parsed.is_ok(), "{}: {line}", path.display());
                typed += 1;
            }
        }
        assert!(typed > 5, "only {typed}");
    }
}
