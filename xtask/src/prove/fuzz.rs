//! Every parser against whatever libFuzzer comes up with.
//!
//! The short form needs the stable compiler alone: it replays the corpora of `fuzz/` and
//! mutations of them. The long one runs each target ten million times, guided by coverage;
//! it needs a C++ compiler and installs cargo-fuzz. No sanitizer: there is no unsafe code
//! of ours behind a parser, and without one it runs on the stable compiler too.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};

use super::{Finding, Proof};
use crate::repository::{Repository, run};
use crate::tool::Tool;

pub(crate) const PROOF: Proof = Proof {
    name: "fuzz",
    claim: "no input breaks what the parsers promise, 10^7 executions each",
    run: long,
};

const TOOL: Tool = Tool { name: "cargo-fuzz", version: "0.13.2" };
const MANIFEST: &str = "fuzz/Cargo.toml";
const TARGET_FOLDER: &str = "target/fuzz";
const TARGETS: [&str; 10] = [
    "record",
    "payload",
    "token",
    "proof",
    "passphrase",
    "name",
    "minutes",
    "url",
    "request",
    "answer",
];

const EXECUTIONS: u64 = 10_000_000;
/// For one target: the slowest takes a quarter of it on a machine with nothing else to do. One
/// that is cut off has failed.
const MAX_SECONDS: u64 = 3_600;
/// For one input: they take microseconds.
const MAX_SECONDS_PER_INPUT: u64 = 5;
const MAX_MEMORY_MIB: u64 = 512;
/// A record has 700 bytes at least. Beyond, inputs say the same again, and slowly.
const MAX_INPUT: usize = 1_024;

/// Replays the corpora and mutations of them: a step of the gate.
pub(crate) fn short(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo(&["fmt", "--manifest-path", MANIFEST, "--check"]))
        .context("`cargo fmt --manifest-path fuzz/Cargo.toml` mends it")?;
    let mut test = repository.cargo(&[
        "test",
        "--quiet",
        "--locked",
        "--manifest-path",
        MANIFEST,
        "--no-default-features",
        "--target-dir",
        TARGET_FOLDER,
    ]);
    test.env("RUSTFLAGS", "--cfg fuzzing");
    run(test)
}

fn long(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let tool = TOOL.path(repository)?;
    let mut build = repository.command(&tool);
    build.args(["fuzz", "build", "--sanitizer", "none", "--target-dir", TARGET_FOLDER]);
    run(build)?;
    TARGETS.into_iter().map(|name| Ok(Finding::new(name, fuzz(repository, &tool, name)?))).collect()
}

/// One target, from the committed corpus and what earlier runs have found.
fn fuzz(repository: &Repository, tool: &Path, name: &str) -> anyhow::Result<String> {
    let corpus = format!("{TARGET_FOLDER}/corpus/{name}");
    std::fs::create_dir_all(repository.path(&corpus))?;
    let mut command = repository.command(tool);
    command.args(["fuzz", "run", "--sanitizer", "none", "--target-dir", TARGET_FOLDER, name]);
    command.args([corpus, format!("fuzz/corpus/{name}"), "--".to_owned()]);
    command.args([
        format!("-runs={EXECUTIONS}"),
        format!("-max_total_time={MAX_SECONDS}"),
        format!("-max_len={MAX_INPUT}"),
        format!("-timeout={MAX_SECONDS_PER_INPUT}"),
        format!("-rss_limit_mb={MAX_MEMORY_MIB}"),
        "-print_final_stats=1".to_owned(),
    ]);
    let output = command.stdin(Stdio::null()).output().context("cannot start cargo-fuzz")?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let end: Vec<&str> = log.lines().rev().take(40).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        bail!("{name}: its claim does not hold:\n{}", end.join("\n"));
    }
    let report = Report::read(&log).with_context(|| format!("{name}: no final statistics"))?;
    if report.executions < EXECUTIONS {
        bail!("{name}: only {} executions in {MAX_SECONDS} s", report.executions);
    }
    let row = report.row();
    println!("  {name}: {row}");
    Ok(row)
}

/// What libFuzzer says at the end.
struct Report {
    executions: u64,
    per_second: u64,
    edges: u64,
    corpus: String,
}

impl Report {
    fn read(log: &str) -> Option<Self> {
        let statistic = |name: &str| {
            let line = log.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line?.trim().parse().ok()
        };
        let done = log.lines().find(|line| line.contains("\tDONE "))?;
        let mut words = done.split_whitespace();
        let mut after = |name: &str| words.by_ref().skip_while(|word| *word != name).nth(1);
        Some(Self {
            executions: statistic("stat::number_of_executed_units")?,
            per_second: statistic("stat::average_exec_per_sec")?,
            edges: after("cov:")?.parse().ok()?,
            corpus: after("corp:")?.to_owned(),
        })
    }

    fn row(&self) -> String {
        let Self { executions, per_second, edges, corpus } = self;
        format!(
            "{executions} executed ({per_second}/s), 0 findings, {edges} edges, corpus {corpus}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_target_of_the_folder_is_run() {
        let folder = Repository::from_env().path("fuzz/fuzz_targets");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(files, TARGETS.map(str::to_owned).into());
    }

    #[test]
    fn the_final_statistics_are_read() {
        let log = "#8\tINITED cov: 1\n\
            #98\tDONE   cov: 2688 ft: 5659 corp: 913/224Kb lim: 756 exec/s: 19606 rss: 31Mb\n\
            Done 98 runs\n\
            stat::number_of_executed_units: 98\n\
            stat::average_exec_per_sec:     19606\n";
        let row = Report::read(log).unwrap().row();
        assert_eq!(row, "98 executed (19606/s), 0 findings, 2688 edges, corpus 913/224Kb");
        assert!(Report::read("#98\tDONE cov: 1").is_none());
    }
}
