//! What is measured, one file for each kind of figure.

mod first;
mod footprint;
mod get;
mod growth;
mod refusals;
mod round_trip;
mod throughput;

pub(super) use first::CHAPTER as FIRST;
pub(super) use footprint::CHAPTER as FOOTPRINT;
pub(super) use get::CHAPTER as GET;
pub(super) use growth::CHAPTER as GROWTH;
pub(super) use refusals::CHAPTER as REFUSALS;
pub(super) use round_trip::CHAPTER as ROUND_TRIP;
pub(super) use throughput::CHAPTER as THROUGHPUT;

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::repository::shown;

/// Rounds of a comparison, unless its figures are small enough for more.
const ROUNDS: usize = 10;

/// Seconds from starting a program to its end, which must be a success.
pub(super) fn whole(command: &mut Command, input: &[u8]) -> anyhow::Result<f64> {
    let shown = shown(command);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    std::io::Write::write_all(&mut stdin, input)?;
    drop(stdin);
    let status = child.wait()?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(seconds)
}
