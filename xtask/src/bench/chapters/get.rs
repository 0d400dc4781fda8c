//! `passsafe get` as a whole process, from start to end.

use anyhow::{Context as _, ensure};

use super::super::figures::{Goal, Row, Side, Unit, in_turns};
use super::super::peers::{self, Keeper};
use super::super::served::{PASSWORD, Served};
use super::super::{Bench, Chapter};
use super::{ROUNDS, whole};

pub(in super::super) const CHAPTER: Chapter =
    Chapter { name: "get", title: "A whole passsafe get", measure };

/// Of the short ones there can be more.
const ROUNDS_AT_LEAST_COST: usize = 40;
/// "Well ahead" of the other programs.
const WELL_AHEAD: f64 = 0.8;

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![at_least_cost(bench)?];
    let safe = bench.safe(60)?;
    let mut get = get(bench, &safe);
    let output = get.output().context("cannot start passsafe get")?;
    let expected = format!("{PASSWORD}\n");
    ensure!(output.stdout == expected.as_bytes(), "passsafe get says {output:?}");
    let mut keepers = peers::keepers(bench)?;
    let mut sides: Vec<Side<'_, f64>> = vec![Box::new(|| whole(&mut get, b""))];
    for keeper in &mut keepers {
        sides.push(Box::new(|| keeper.tell()));
    }
    let figures = in_turns(bench.times(ROUNDS), sides)?;
    let (ours, others) = figures.split_first().context("no figures")?;
    for (keeper, theirs) in keepers.iter().zip(others) {
        let row = Row::new("passsafe get", Unit::Seconds, ours);
        let row = row.against(Keeper::name(keeper), ours, theirs);
        rows.push(row.goal(Goal::RatioAtMost(WELL_AHEAD)));
    }
    Ok(rows)
}

fn at_least_cost(bench: &Bench<'_>) -> anyhow::Result<Row> {
    let safe = bench.least(1, PASSWORD.len())?;
    let mut get = get(bench, &safe);
    let mut minimal = safe.client(&bench.measuring);
    minimal.args(["minimal", &safe.url]);
    let ours = || whole(&mut get, b"");
    let floor = || whole(&mut minimal, b"");
    let rounds = bench.times(ROUNDS_AT_LEAST_COST);
    let figures = in_turns(rounds, vec![Box::new(ours), Box::new(floor)])?;
    let [ours, floor] = figures.as_slice() else { anyhow::bail!("not two sides") };
    let row = Row::new("passsafe get, at the least cost", Unit::Seconds, ours);
    let row = row.against("one bare hyper request, and that key derivation", ours, floor);
    Ok(row.goal(Goal::RatioAtMost(1.3)))
}

fn get(bench: &Bench<'_>, safe: &Served) -> std::process::Command {
    let mut get = safe.client(&bench.passsafe);
    get.arg("get").env("PASSSAFE_URL", &safe.url);
    get
}
