//! Dependency policy: licences, bans, sources and advisories, judged by cargo-deny.
//!
//! The advisory database is the one thing that cannot be pinned: where it
//! cannot be fetched, the gate says so loudly and goes on; what it *finds* always fails.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::python;
use crate::repository::{Repository, run};

/// An exception that nothing needs any more fails too, or the list would only grow. Not so who may
/// depend on what, which both graphs share.
const POLICY: [&str; 10] = [
    "check",
    "-D",
    "unmatched-skip",
    "-D",
    "unnecessary-skip",
    "-A",
    "unused-wrapper",
    "licenses",
    "bans",
    "sources",
];
/// The fuzz targets have a graph of their own. Nobody is given it, so its licences do not
/// matter (libFuzzer's is none of ours); where it comes from does.
const FUZZ: [&str; 4] = ["--manifest-path", "fuzz/Cargo.toml", "--config", "deny.toml"];
const FUZZ_POLICY: [&str; 7] =
    ["check", "-A", "unmatched-skip", "-A", "unused-wrapper", "bans", "sources"];
const ADVISORIES: [&str; 3] = ["--offline", "check", "advisories"];

/// Judges the dependency graphs by `deny.toml`.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let tool = python::environment(repository)?.with_file_name("cargo-deny");
    run(subcommand(repository, &tool, &POLICY))?;
    run(subcommand(repository, &tool, &[&FUZZ[..], &FUZZ_POLICY].concat()))?;
    // Fetched by a command of its own: only then is a failure known to be no finding.
    let fetch = subcommand(repository, &tool, &["fetch", "db"])
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo-deny")?;
    if fetch.status.success() {
        run(subcommand(repository, &tool, &ADVISORIES))?;
        run(subcommand(repository, &tool, &[&FUZZ[..], &ADVISORIES].concat()))
    } else {
        let (bar, reason) = ("=".repeat(72), String::from_utf8_lossy(&fetch.stderr));
        eprintln!(
            "{bar}\nWARNING: advisories were NOT checked: their database cannot be fetched.\n{}\n\
             Known vulnerabilities in dependencies would go unseen. Run this again online.\n{bar}",
            reason.trim_end()
        );
        Ok(())
    }
}

fn subcommand(repository: &Repository, tool: &Path, arguments: &[&str]) -> Command {
    let mut command = repository.command(tool);
    // A git that asks for credentials would wait for ever.
    command.arg("--locked").args(arguments).env("GIT_TERMINAL_PROMPT", "0");
    // So would a connection that is open and silent.
    command.env("GIT_HTTP_LOW_SPEED_LIMIT", "1").env("GIT_HTTP_LOW_SPEED_TIME", "30");
    command
}
