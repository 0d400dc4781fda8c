//! A call of `password()` with the key derived and the connection kept, both ends on one
//! processor.

use std::process::Command;

use anyhow::Context as _;

use super::super::figures::{Goal, Row, Side, Unit, in_turns};
use super::super::processors::{Processor, on};
use super::super::served::Served;
use super::super::{Bench, Chapter, Summary, answer};
use super::ROUNDS;

pub(in super::super) const CHAPTER: Chapter =
    Chapter { name: "round-trip", title: "A warm password()", measure };

const CALLS: usize = 4_000;
const SCRIPT: &str = "crates/passsafe-bench/python/warm.py";
const FLOOR: &str = "a bare hyper round trip over TCP";

/// One way to make a round trip, and what it is held against.
struct Way {
    what: &'static str,
    command: Command,
    goal: Option<f64>,
}

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    on(Processor::Last, || {
        let safe = bench.safe(60)?;
        let (bare, bare_socket) = (bench.bare(&safe)?, bench.bare_socket(&safe)?);
        let mut ways = ways(bench, &safe, &bare, &bare_socket)?;
        let mut turns: Vec<Side<'_, f64>> = Vec::new();
        for way in &mut ways {
            turns.push(Box::new(|| answer(&mut way.command).map(Summary::median)));
        }
        let figures = in_turns(bench.times(ROUNDS), turns)?;
        let floor = figures.first().context("no floor")?;
        let mut rows = Vec::new();
        for (way, ours) in ways.iter().zip(&figures).skip(1) {
            let row = Row::new(way.what, Unit::Seconds, ours).against(FLOOR, ours, floor);
            rows.push(match way.goal {
                Some(goal) => row.goal(Goal::RatioAtMost(goal)),
                None => row,
            });
        }
        Ok(rows)
    })
}

/// The floor comes first.
fn ways(
    bench: &Bench<'_>,
    safe: &Served,
    bare: &Served,
    bare_socket: &Served,
) -> anyhow::Result<Vec<Way>> {
    let calls = bench.times(CALLS).to_string();
    let way = |what, program: &str, url: &str, goal| {
        let mut command = safe.client(&bench.measuring);
        command.args([program, url, &calls]);
        Way { what, command, goal }
    };
    let socket = safe.socket_url.as_deref().context("the safe has no socket")?;
    let mut open = Command::new(&bench.measuring);
    open.args(["open", &calls]);
    let opening = Way { what: "part: reading and opening the record", command: open, goal: None };
    let mut ways = vec![
        way(FLOOR, "floor-async", &bare.url, None),
        way("noise: the floor again", "floor-async", &bare.url, None),
        way("floor: by hand over TCP", "floor-blocking", &bare.url, None),
        way("floor: by hyper over a Unix socket", "floor-async", &bare_socket.url, None),
        way("floor: by hand over a Unix socket", "floor-blocking", &bare_socket.url, None),
        way("part: by hyper over TCP, to a safe", "floor-async", &safe.url, None),
        way("part: by hand over TCP, to a safe", "floor-blocking", &safe.url, None),
        way("part: by hand over a Unix socket, to a safe", "floor-blocking", socket, None),
        opening,
        way("password(), async", "async", &safe.url, Some(1.15)),
        way("password(), blocking", "blocking", &safe.url, Some(1.00)),
        way("password(), async, Unix socket", "async", socket, None),
        way("password(), blocking, Unix socket", "blocking", socket, Some(0.80)),
    ];
    if let Some(python) = &bench.python {
        for (what, url, goal) in [
            ("password(), Python", safe.url.as_str(), Some(1.25)),
            ("password(), Python, Unix socket", socket, None),
        ] {
            let mut command = safe.client(python);
            command.arg(bench.repository.path(SCRIPT)).args([url, &calls]);
            ways.push(Way { what, command, goal });
        }
    } else {
        println!("left out for want of an environment with passsafe: Python");
    }
    Ok(ways)
}
