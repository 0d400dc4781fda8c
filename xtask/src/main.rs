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
    not(unix),
    allow(dead_code, reason = "elsewhere than on Unix there is the inner loop and no more")
)]

#[cfg(unix)]
mod bench;
#[cfg(unix)]
mod binary;
#[cfg(unix)]
mod checkout;
#[cfg(unix)]
mod debian;
#[cfg(unix)]
mod deny;
#[cfg(unix)]
mod dist;
#[cfg(unix)]
mod documents;
mod gate;
#[cfg(unix)]
mod packages;
#[cfg(unix)]
mod prove;
mod published;
#[cfg(unix)]
mod python;
#[cfg(unix)]
mod relay;
#[cfg(unix)]
mod release;
mod repository;
#[cfg(unix)]
mod safe;
#[cfg(unix)]
mod shells;
#[cfg(unix)]
mod snapshots;
#[cfg(unix)]
mod stranger;
#[cfg(unix)]
mod terminal;
mod tidy;
mod tool;
#[cfg(unix)]
mod vectors;
#[cfg(unix)]
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
    #[cfg(unix)]
    /// Run the long proofs: all of them, or the named ones.
    Prove {
        /// Names of proofs.
        names: Vec<String>,
    },
    #[cfg(unix)]
    /// Measure how fast passsafe is, against floors and other programs, and write the report.
    Bench {
        /// Names of chapters.
        names: Vec<String>,
        /// Run everything once and write nothing: a test of the measuring.
        #[arg(long, conflicts_with = "names")]
        smoke: bool,
    },
    #[cfg(unix)]
    /// Run the code blocks of the documents, or of those whose path contains PART.
    Documents {
        /// Such as `README` or `docs/rust`.
        part: Option<String>,
    },
    #[cfg(unix)]
    /// Make what is given out besides the crates, of the current commit, in `target/dist`.
    Dist {
        /// Make it twice, compare, and use it where there is nothing else.
        #[arg(long)]
        check: bool,
    },
    #[cfg(unix)]
    /// Try a release in a copy, or make it; nothing is pushed or published.
    Release(release::Arguments),
    #[cfg(unix)]
    /// Load the completions in real shells and have the manual pages read.
    Shells,
    #[cfg(unix)]
    /// Write anew what is made of the command line's definitions: help screens, docs/cli.md.
    Snapshots,
    #[cfg(unix)]
    /// Build the wheel and test it, which is a step of the gate.
    Python,
    #[cfg(unix)]
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
        #[cfg(unix)]
        Chore::Test { only: Some(step), .. } => gate::only(&repository, &step),
        #[cfg(unix)]
        Chore::Test { quick: false, .. } => gate::whole(&repository),
        Chore::Test { .. } => gate::quick(&repository),
        #[cfg(unix)]
        Chore::Prove { names } => prove::prove(&repository, &names),
        #[cfg(unix)]
        Chore::Bench { smoke: true, .. } => bench::smoke(&repository),
        #[cfg(unix)]
        Chore::Bench { names, .. } => bench::bench(&repository, &names),
        #[cfg(unix)]
        Chore::Documents { part } => documents::some(&repository, &part.unwrap_or_default()),
        #[cfg(unix)]
        Chore::Dist { check: false } => dist::make(&repository),
        #[cfg(unix)]
        Chore::Dist { check: true } => dist::check(&repository),
        #[cfg(unix)]
        Chore::Release(arguments) => release::release(&repository, &arguments),
        #[cfg(unix)]
        Chore::Shells => shells::check(&repository),
        #[cfg(unix)]
        Chore::Snapshots => snapshots::write(&repository),
        #[cfg(unix)]
        Chore::Python => python::check(&repository),
        #[cfg(unix)]
        Chore::Vectors { check: false } => vectors::write(&repository),
        #[cfg(unix)]
        Chore::Vectors { check: true } => vectors::check(&repository),
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
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
