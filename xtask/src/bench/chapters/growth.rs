//! How time and memory grow with connections, entries and the length of values.

use super::super::figures::{Row, Unit};
use super::super::processors::{Processor, on};
use super::super::served::{PASSWORD, Served};
use super::super::{Bench, Chapter, Summary};

pub(in super::super) const CHAPTER: Chapter = Chapter { name: "growth", title: "Growth", measure };

const CONNECTIONS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const ENTRIES: [usize; 4] = [1, 10, 100, 1_000];
const VALUES: [usize; 5] = [1, 256, 4_096, 16_384, 65_536];
const ROUNDS: usize = 3;
const NEWCOMERS: usize = 200;
const CALLS: usize = 1_000;

/// Medians, tails and memory of all rounds.
#[derive(Default)]
struct Rounds {
    p50: Vec<f64>,
    p99: Vec<f64>,
    resident: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, served: &Served, summary: Summary) -> anyhow::Result<()> {
        self.p50.push(summary.median());
        self.p99.push(summary.p99());
        self.resident.push(served.resident()?);
        Ok(())
    }

    /// Against the first of its kind.
    fn rows(&self, time: &str, first: &Self, at_first: &str) -> [Row; 2] {
        [
            Row::new(time, Unit::Seconds, &self.p50).against(at_first, &self.p50, &first.p50),
            Row::new(format!("{time}: memory of the server"), Unit::Bytes, &self.resident).against(
                at_first,
                &self.resident,
                &first.resident,
            ),
        ]
    }
}

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    on(Processor::Last, || {
        let mut rows = by_connections(bench)?;
        rows.extend(by_record(bench, &ENTRIES, "entries", |bench, entries| {
            bench.least(entries, PASSWORD.len())
        })?);
        rows.extend(by_record(bench, &VALUES, "bytes", |bench, value| bench.least(1, value))?);
        Ok(rows)
    })
}

fn by_connections(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    let mut kinds: Vec<(usize, Rounds)> = Vec::new();
    for connections in CONNECTIONS.map(|count| if bench.smoke { count.min(20) } else { count }) {
        let mut rounds = Rounds::default();
        for _ in 0..bench.times(ROUNDS) {
            let safe = bench.safe(60)?;
            let count = bench.times(NEWCOMERS).to_string();
            let arguments = ["newcomers", &safe.url, &connections.to_string(), &count];
            let summary: Summary = bench.figures(&safe, &arguments)?;
            rounds.add(&safe, summary)?;
        }
        kinds.push((connections, rounds));
    }
    let name = |connections| format!("connect and fetch as one of {connections}");
    Ok(rows(&kinds, name, "alone"))
}

fn by_record(
    bench: &Bench<'_>,
    sizes: &[usize],
    unit: &str,
    serve: fn(&Bench<'_>, usize) -> anyhow::Result<Served>,
) -> anyhow::Result<Vec<Row>> {
    let mut kinds: Vec<(usize, Rounds)> = Vec::new();
    for &size in sizes {
        let mut rounds = Rounds::default();
        for _ in 0..bench.times(ROUNDS) {
            let safe = serve(bench, size)?;
            let calls = bench.times(CALLS).to_string();
            let summary: Summary = bench.figures(&safe, &["blocking", &safe.url, &calls])?;
            rounds.add(&safe, summary)?;
        }
        kinds.push((size, rounds));
    }
    Ok(rows(&kinds, |size| format!("password() of {size} {unit}"), "one"))
}

fn rows(kinds: &[(usize, Rounds)], name: impl Fn(usize) -> String, at_first: &str) -> Vec<Row> {
    let Some((_, first)) = kinds.first() else { return Vec::new() };
    kinds.iter().flat_map(|(size, rounds)| rounds.rows(&name(*size), first, at_first)).collect()
}
