//! The end of a safe that ten thousand sockets hang on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::crowd::{Crowd, SOCKETS};
use super::http;
use super::served::{Served, TIME_TO_GO};
use super::unread;
use crate::prove::{Finding, Proof};
use crate::repository::Repository;

pub(crate) const PROOF: Proof = Proof {
    name: "end",
    claim: "a safe under load is gone within a second of SIGTERM, and of its deadline",
    run,
};

const ROUNDS: usize = 5;

fn run(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let mut slowest = Duration::ZERO;
    for _ in 0..ROUNDS {
        let mut served = Served::start(repository, 30)?;
        let _crowd = Crowd::come(served.port)?;
        let _unread = unread::Readers::come(served.port)?;
        slowest = slowest.max(served.terminate()?);
    }
    ensure!(slowest <= TIME_TO_GO, "gone {slowest:?} after SIGTERM");

    let mut served = Served::start(repository, 1)?;
    let _crowd = Crowd::come(served.port)?;
    let _unread = unread::Readers::come(served.port)?;
    let expired = deadline(served.port)?;
    sleep(expired.saturating_duration_since(Instant::now() + TIME_TO_GO / 2));
    ensure!(served.is_running()?, "the safe was gone before its deadline");
    let after_deadline = served.gone_after(expired)?;
    ensure!(after_deadline <= TIME_TO_GO, "gone {after_deadline:?} after its deadline");

    let milliseconds = |time: Duration| format!("{} ms", time.as_millis());
    Ok(vec![
        Finding::new("idle sockets held", SOCKETS.to_string()),
        Finding::new("sockets with answers unread", unread::SOCKETS.to_string()),
        Finding::new("times ended by SIGTERM", ROUNDS.to_string()),
        Finding::new("gone after SIGTERM, at the slowest", milliseconds(slowest)),
        Finding::new("gone after the deadline", milliseconds(after_deadline)),
    ])
}

/// When the safe expires: the seconds that it has left are told in whole ones, and the
/// moment in which they change tells the rest.
fn deadline(port: u16) -> anyhow::Result<Instant> {
    let mut before = None;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(70) {
        let status = http::ask_status(port)?;
        let left = status.get("expires_in_seconds").and_then(serde_json::Value::as_u64);
        let left = left.context("the status has no seconds")?;
        if before.is_some_and(|before| before == left + 1) && left <= 5 {
            return Ok(Instant::now() + Duration::from_secs(left + 1));
        }
        before = Some(left);
        sleep(Duration::from_millis(20));
    }
    bail!("a safe of one minute does not come to its end")
}
