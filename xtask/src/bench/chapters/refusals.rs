//! What a wrong token costs.

use serde::Deserialize;

use super::super::figures::{Goal, Row, Unit};
use super::super::processors::{Processor, on};
use super::super::{Bench, Chapter, Summary, answer};
use super::ROUNDS;

pub(in super::super) const CHAPTER: Chapter =
    Chapter { name: "refusals", title: "A wrong token", measure };

const SAFES: usize = 200;

#[derive(Deserialize)]
struct Figures {
    right: Summary,
    wrong: Summary,
}

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for _ in 0..bench.times(ROUNDS) {
        let mut command = std::process::Command::new(&bench.measuring);
        command.arg("wrong-token").arg(bench.times(SAFES).to_string());
        let figures: Figures = on(Processor::Last, || answer(&mut command))?;
        right.push(figures.right.median());
        wrong.push(figures.wrong.median());
    }
    let row = Row::new("a wrong token, judged and refused", Unit::Seconds, &wrong);
    Ok(vec![row.against("a right one", &wrong, &right).goal(Goal::RatioAtMost(1.10))])
}
