//! The first `password()` of a process, which derives the key.

use std::process::Command;

use super::super::figures::{Goal, Row, Unit, in_turns, quantile};
use super::super::{Bench, Chapter, peers};
use super::whole;

pub(in super::super) const CHAPTER: Chapter =
    Chapter { name: "first", title: "The first password() of a process", measure };

/// Enough for a p95.
const ROUNDS: usize = 40;
/// As in every safe: 2^16 KiB, three passes, one lane; key and commitment.
const ARGON2: [&str; 11] =
    ["sixteen-bytes-00", "-id", "-r", "-t", "3", "-m", "16", "-p", "1", "-l", "64"];
const PASSPHRASE: &[u8] = b"clip zebra mango attic prone duty";

fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Row>> {
    if !peers::is_there("argon2") {
        println!("left out for want of argon2: the first password()");
        return Ok(Vec::new());
    }
    let safe = bench.safe(60)?;
    let mut first = safe.client(&bench.measuring);
    first.args(["first", &safe.url]);
    let mut argon2 = Command::new("argon2");
    argon2.args(ARGON2);
    let ours = || whole(&mut first, b"");
    let theirs = || whole(&mut argon2, PASSPHRASE);
    let figures = in_turns(bench.times(ROUNDS), vec![Box::new(ours), Box::new(theirs)])?;
    let [ours, theirs] = figures.as_slice() else { anyhow::bail!("not two sides") };
    let what = "a process that calls password() once";
    let peer = "Debian's argon2";
    let (ours_p95, theirs_p95) = ([quantile(ours, 0.95)], [quantile(theirs, 0.95)]);
    Ok(vec![
        Row::new(what, Unit::Seconds, ours)
            .against(peer, ours, theirs)
            .goal(Goal::RatioAtMost(0.65)),
        Row::new("p95 of it", Unit::Seconds, &ours_p95).against(peer, &ours_p95, &theirs_p95),
    ])
}
