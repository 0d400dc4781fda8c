//! The chores of this repository, as `cargo xtask …`.
//!
//! Every chore is a subcommand with a module of its own; nothing here is part of what
//! users install. CI runs `cargo xtask test` and nothing else.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a chore reports to the person who started it"
)]

mod bench;
mod binary;
mod debian;
mod deny;
mod gate;
mod pictures;
mod prove;
mod python;
mod relay;
mod repository;
mod shells;
mod snapshots;
mod terminal;
mod tidy;
mod tool;
mod vectors;

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
    },
    /// Run the long proofs: all of them, or the named ones.
    Prove {
        /// Names of proofs.
        names: Vec<String>,
    },
    /// Measure how fast passsafe is, against floors and other programs, and write the report.
    Bench {
        /// Names of chapters.
        names: Vec<String>,
        /// Run everything once and write nothing: a test of the measuring.
        #[arg(long, conflicts_with = "names")]
        smoke: bool,
    },
    /// Record the pictures of docs/pictures from real runs.
    Pictures {
        /// Record nothing; fail if the committed files cannot be what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Load the completions in real shells and have the manual pages read.
    Shells,
    /// Write anew what is made of the command line's definitions: help screens, docs/cli.md.
    Snapshots,
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
        Chore::Test { quick: false } => gate::whole(&repository),
        Chore::Test { quick: true } => gate::quick(&repository),
        Chore::Prove { names } => prove::prove(&repository, &names),
        Chore::Bench { smoke: true, .. } => bench::smoke(&repository),
        Chore::Bench { names, .. } => bench::bench(&repository, &names),
        Chore::Pictures { check: false } => pictures::record(&repository),
        Chore::Pictures { check: true } => pictures::check(&repository),
        Chore::Shells => shells::check(&repository),
        Chore::Snapshots => snapshots::write(&repository),
        Chore::Vectors { check: false } => vectors::write(&repository),
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
