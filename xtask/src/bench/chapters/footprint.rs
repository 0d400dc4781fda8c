//! From start to serving, memory, and size.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::super::figures::{Goal, Row, Unit};
use super::super::load::wrk;
use super::super::served::{Served, serve};
use super::super::{Bench, Chapter, peers};
use super::ROUNDS;

pub(in super::super) const CHAPTER: Chapter =
    Chapter { name: "footprint", title: "Start, memory, size", measure };

const MIB: f64 = 1024.0 * 1024.0;
const BUSY: u32 = 256;
/// What `passsafe serve` exits with when it was given no password.
const USAGE: i32 = 2;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![start(bench)?];
    rows.extend(memory(bench)?);
    let size = std::fs::metadata(&bench.passsafe)?.len();
    let size = f64::from(u32::try_from(size).context("a binary of gigabytes")?);
    let row = Row::new("the stripped binary", Unit::Bytes, &[size]);
    rows.push(row.goal(Goal::AtMost(3.0 * MIB)));
    Ok(rows)
}

/// In two parts, with sealing left out between them: up to the password, and from the
/// credentials to the first answer. The first part is a whole process that is given an empty
/// password, so its end is counted too.
fn start(bench: &Bench<'_>) -> anyhow::Result<Row> {
    let like = bench.safe(60)?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..bench.times(2 * ROUNDS) {
        let to_password = without_password(bench)?;
        let safe = Served::unasked(&bench.passsafe)?;
        let to_answer = safe.answers()?.duration_since(safe.announced).as_secs_f64();
        ours.push(to_password + to_answer);
        let start = Instant::now();
        let bare = bench.bare(&like)?;
        floor.push(bare.answers()?.duration_since(start).as_secs_f64());
    }
    let row = Row::new("from start to serving, sealing apart", Unit::Seconds, &ours);
    Ok(row.against("bare hyper", &ours, &floor).goal(Goal::AtMost(5e-3)))
}

fn without_password(bench: &Bench<'_>) -> anyhow::Result<f64> {
    let mut command = serve(&bench.passsafe);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().context("cannot start passsafe serve")?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.code() == Some(USAGE), "an empty password: {status}");
    Ok(seconds)
}

fn memory(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    let sides: [fn(&Bench<'_>, &Served) -> anyhow::Result<Served>; 2] =
        [|bench, _| bench.safe(60), |bench, like| bench.bare(like)];
    let like = bench.safe(60)?;
    let mut idle = [const { Vec::new() }; 2];
    let mut busy = [const { Vec::new() }; 2];
    for _ in 0..bench.times(3) {
        for ((start, idle), busy) in sides.iter().zip(&mut idle).zip(&mut busy) {
            let served = start(bench, &like)?;
            idle.push(served.resident()?);
            if peers::is_there("wrk") {
                let safe = if served.token.is_empty() { &like } else { &served };
                wrk(bench.repository, &served, safe, BUSY)?;
                busy.push(served.resident()?);
            }
        }
    }
    let row = |what: &str, [ours, floor]: &[Vec<f64>; 2], most| {
        let row = Row::new(what, Unit::Bytes, ours).against("bare hyper", ours, floor);
        row.goal(Goal::AtMost(most))
    };
    let mut rows = vec![row("memory of the serving process, idle", &idle, 4.0 * MIB)];
    if busy.iter().all(|side| !side.is_empty()) {
        rows.push(row("the same after 256 busy connections", &busy, 8.0 * MIB));
    }
    Ok(rows)
}
