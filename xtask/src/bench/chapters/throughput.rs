//! How many fetches a safe answers, and how long the slow ones take.

use super::super::figures::{Goal, Row, Unit, in_turns};
use super::super::load::{Load, Redis, wrk};
use super::super::processors::{Processor, on};
use super::super::{Bench, Chapter, peers};
use super::ROUNDS;

pub(in super::super) const CHAPTER: Chapter =
    Chapter { name: "throughput", title: "Throughput", measure };

const CONNECTIONS: [u32; 4] = [1, 16, 64, 256];
/// Where noise and lifetimes are compared.
const SOME: u32 = 64;
const LONGEST_MINUTES: u32 = 480;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    if !peers::is_there("wrk") {
        println!("left out for want of wrk: throughput");
        return Ok(Vec::new());
    }
    let rounds = bench.times(ROUNDS);
    let (safe, bare, long, redis) = on(Processor::First, || {
        let safe = bench.safe(LONGEST_MINUTES)?;
        let bare = bench.bare(&safe)?;
        let long = bench.safe(LONGEST_MINUTES)?;
        let redis = peers::is_there("redis-server").then(|| Redis::start(safe.body_len()?));
        Ok((safe, bare, long, redis.transpose()?))
    })?;
    if redis.is_none() {
        println!("left out for want of redis-server: its throughput");
    }
    on(Processor::Last, || {
        let load = |served, connections| wrk(bench.repository, served, &safe, connections);
        let mut rows = Vec::new();
        let kinds = if bench.smoke { &[SOME][..] } else { &CONNECTIONS };
        for &connections in kinds {
            let requests = if bench.smoke { 1_000 } else { 16_000 * connections.min(6) };
            let ours = || load(&safe, connections).map(Some);
            let floor = || load(&bare, connections).map(Some);
            let peer = || redis.as_ref().map(|it| it.get(connections, requests)).transpose();
            let figures = in_turns(rounds, vec![Box::new(ours), Box::new(floor), Box::new(peer)])?;
            let figures: Vec<Vec<Load>> =
                figures.into_iter().map(|side| side.into_iter().flatten().collect()).collect();
            rows.extend(compared(connections, &figures));
        }
        rows.push(noise(rounds, || load(&safe, SOME))?);
        rows.push(lifetimes(bench, rounds, || wrk(bench.repository, &long, &long, SOME))?);
        Ok(rows)
    })
}

/// Ours, the floor's and redis-server's rounds, if there is one.
fn compared(connections: u32, figures: &[Vec<Load>]) -> Vec<Row> {
    let [ours, floor, peer] = figures else { return Vec::new() };
    let rates = |side: &[Load]| side.iter().map(|load| load.rate).collect::<Vec<_>>();
    let p99s = |side: &[Load]| side.iter().map(|load| load.p99).collect::<Vec<_>>();
    let what = format!("fetches on {connections} connections");
    let rate = || Row::new(&what, Unit::PerSecond, &rates(ours));
    let mut rows = vec![
        rate().against("bare hyper", &rates(ours), &rates(floor)).goal(Goal::RatioAtLeast(0.95)),
    ];
    if !peer.is_empty() {
        let row = rate().against("redis-server GET", &rates(ours), &rates(peer));
        rows.push(row.goal(Goal::RatioAtLeast(1.3)));
    }
    let row = Row::new(format!("p99 on {connections} connections"), Unit::Seconds, &p99s(ours))
        .against("bare hyper", &p99s(ours), &p99s(floor));
    rows.push(row.goal(Goal::RatioAtMost(1.25)));
    rows
}

/// What a difference has to exceed to be one.
fn noise(rounds: usize, load: impl Fn() -> anyhow::Result<Load>) -> anyhow::Result<Row> {
    let (one, other) = (|| Ok(load()?.rate), || Ok(load()?.rate));
    let figures = in_turns(rounds, vec![Box::new(one), Box::new(other)])?;
    let [one, other] = figures.as_slice() else { anyhow::bail!("not two sides") };
    let what = format!("noise: fetches on {SOME} connections");
    Ok(Row::new(what, Unit::PerSecond, one).against("the same safe", one, other))
}

/// A safe of a minute lives long enough for its ten rounds.
fn lifetimes(
    bench: &Bench<'_>,
    rounds: usize,
    long: impl Fn() -> anyhow::Result<Load>,
) -> anyhow::Result<Row> {
    let short = on(Processor::First, || bench.safe(1))?;
    let ours = || Ok(1.0 / long()?.rate);
    let theirs = || Ok(1.0 / wrk(bench.repository, &short, &short, SOME)?.rate);
    let figures = in_turns(rounds, vec![Box::new(ours), Box::new(theirs)])?;
    let [long, short] = figures.as_slice() else { anyhow::bail!("not two sides") };
    let row = Row::new("time of a fetch from a safe of 480 minutes", Unit::Seconds, long);
    Ok(row.against("a safe of 1 minute", long, short).goal(Goal::RatioAtMost(1.05)))
}
