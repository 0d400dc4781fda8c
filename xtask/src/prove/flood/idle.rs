//! Ten thousand idle sockets.

use std::time::Instant;

use super::crowd::{Crowd, SOCKETS};
use super::owner;
use super::served::Served;
use crate::prove::{Finding, Proof};
use crate::repository::Repository;

pub(crate) const PROOF: Proof = Proof {
    name: "idle",
    claim: "10,000 idle sockets, that come back when thrown out, keep no owner out",
    run,
};

fn run(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let served = Served::start(repository, 30)?;
    let crowd = Crowd::come(served.port)?;
    let start = Instant::now();
    let fetched = owner::fetch_all(&served);
    let seconds = start.elapsed().as_secs_f64();
    let returns = crowd.leave();
    let mut findings = vec![
        Finding::new("idle sockets held", SOCKETS.to_string()),
        Finding::new("thrown out, and came back", format!("{returns} in {seconds:.0} s")),
    ];
    findings.extend(fetched?);
    findings.push(served.memory()?);
    Ok(findings)
}
