//! How fast passsafe is, against floors and other people's programs, in one run.
//!
//! `cargo xtask bench` measures everything, `cargo xtask bench NAME…` some chapters. Sides of
//! a comparison take turns, round by round; see `figures`. What comes of it is kept as JSON
//! below `target`, and written into `docs/performance.md` and its chart. A goal that is not
//! met is said, and fails nothing: times are no test. `--smoke` runs every program once, with
//! what is there, so that none of it rots, and writes nothing.

mod chapters;
mod chart;
mod figures;
mod load;
mod peers;
mod processors;
mod report;
mod served;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::figures::Row;
use self::served::Served;
use crate::repository::Repository;
use crate::{binary, python};

/// What belongs together in the report, and is measured by one name.
struct Chapter {
    name: &'static str,
    title: &'static str,
    measure: fn(&Bench<'_>) -> anyhow::Result<Vec<Row>>,
}

const CHAPTERS: &[Chapter] = &[
    chapters::THROUGHPUT,
    chapters::REFUSALS,
    chapters::ROUND_TRIP,
    chapters::FIRST,
    chapters::GET,
    chapters::FOOTPRINT,
    chapters::GROWTH,
];

/// What all chapters need.
struct Bench<'a> {
    repository: &'a Repository,
    /// The command, as it is released.
    passsafe: PathBuf,
    /// Floors, and programs that measure.
    measuring: PathBuf,
    /// For sockets and files, gone at the end.
    folder: Scratch,
    /// An interpreter that has passsafe's wheel.
    python: Option<PathBuf>,
    smoke: bool,
}

/// Times of one call, in nanoseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Summary {
    p50: u32,
    p99: u32,
}

/// Measures the named chapters, or all, and writes the report.
pub(crate) fn bench(repository: &Repository, names: &[String]) -> anyhow::Result<()> {
    let chapters = choose(names)?;
    let bench = Bench::prepare(repository, false)?;
    peers::install(repository)?;
    let mut report = report::Report::read(repository)?;
    for chapter in chapters {
        println!("{} …", chapter.title);
        let rows = (chapter.measure)(&bench).with_context(|| chapter.name.to_owned())?;
        print!("{}", report::table(&rows));
        report.set(chapter, rows);
        // After each: what is measured is not lost when a later chapter fails.
        report.write(repository)?;
    }
    print!("{}", report.verdict());
    Ok(())
}

/// A step of the gate: every program once.
pub(crate) fn smoke(repository: &Repository) -> anyhow::Result<()> {
    let bench = Bench::prepare(repository, true)?;
    let mut rows = Vec::new();
    for chapter in CHAPTERS {
        rows.extend((chapter.measure)(&bench).with_context(|| chapter.name.to_owned())?);
    }
    report::render_all(&rows);
    println!("{} figures can be measured; none of these says how fast anything is", rows.len());
    Ok(())
}

fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Chapter>> {
    if names.is_empty() {
        return Ok(CHAPTERS.iter().collect());
    }
    let known = || CHAPTERS.iter().map(|chapter| chapter.name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let chapter = CHAPTERS.iter().find(|chapter| chapter.name == name.as_str());
        chapter.with_context(|| format!("there is no chapter {name}; there are: {}", known()))
    };
    names.iter().map(find).collect()
}

impl<'a> Bench<'a> {
    fn prepare(repository: &'a Repository, smoke: bool) -> anyhow::Result<Self> {
        Ok(Self {
            repository,
            passsafe: binary::build(repository, "passsafe-cli", !smoke)?,
            measuring: binary::build(repository, "passsafe-bench", !smoke)?,
            folder: Scratch::new()?,
            python: if smoke {
                python::if_there(repository)
            } else {
                Some(python::with_wheel(repository)?)
            },
            smoke,
        })
    }

    /// So many rounds, or calls; one where only the way is tried.
    fn times(&self, count: usize) -> usize {
        if self.smoke { 1 } else { count }
    }

    fn safe(&self, minutes: u32) -> anyhow::Result<Served> {
        Served::safe(&self.passsafe, self.folder.path(), minutes)?.with_proof(&self.measuring)
    }

    /// A safe with a record of the least cost.
    fn least(&self, entries: usize, value: usize) -> anyhow::Result<Served> {
        let mut least = Command::new(&self.measuring);
        least.args(["least", "--entries", &entries.to_string(), "--value", &value.to_string()]);
        let served = Served::other(least)?;
        served.answers()?;
        served.with_proof(&self.measuring)
    }

    /// A bare server whose answers are as this safe's, on a port.
    fn bare(&self, safe: &Served) -> anyhow::Result<Served> {
        let mut bare = safe.client(&self.measuring);
        bare.arg("bare").arg(&safe.url);
        Served::other(bare)
    }

    /// The same on a Unix socket.
    fn bare_socket(&self, safe: &Served) -> anyhow::Result<Served> {
        let mut bare = safe.client(&self.measuring);
        let path = self.folder.path().join("bare.sock");
        bare.arg("bare").arg(&safe.url).arg("--socket").arg(path);
        Served::other(bare)
    }

    /// What a measuring program prints, whose credentials are those of `safe`.
    fn figures<T: DeserializeOwned>(&self, safe: &Served, arguments: &[&str]) -> anyhow::Result<T> {
        let mut command = safe.client(&self.measuring);
        command.args(arguments);
        answer(&mut command)
    }
}

/// Runs a program that prints figures as JSON.
fn answer<T: DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let shown = crate::repository::shown(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr).trim())
    })
}

impl Summary {
    fn median(self) -> f64 {
        f64::from(self.p50) * 1e-9
    }

    fn p99(self) -> f64 {
        f64::from(self.p99) * 1e-9
    }
}

/// A folder of this process's own, with a name so short that sockets fit into it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("passsafe-bench-{}", std::process::id()));
        rustix::fs::mkdir(&path, rustix::fs::Mode::RWXU).context("no folder for the sockets")?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_chapter_is_an_error_that_names_the_known_ones() {
        let error = choose(&["speed".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("throughput") && error.contains("growth"), "{error}");
        assert_eq!(choose(&[]).unwrap().len(), CHAPTERS.len());
    }
}
