//! The long proofs: what takes too long for every change, or installs what a build does not
//! need. Each has a smaller form among the tests.
//!
//! `cargo xtask prove` runs all of them, `cargo xtask prove NAME…` some, and prints what was
//! tried and what was found. It fails if any claim did not hold. Loads go to loopback only
//! and are bounded in count and time.

mod accounts;
mod flood;
pub(crate) mod fuzz;
mod web;

use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::repository::Repository;

/// A claim, and the run that would refute it.
pub(crate) struct Proof {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What is claimed, in one line.
    pub(crate) claim: &'static str,
    /// Fails if the claim does not hold.
    pub(crate) run: fn(&Repository) -> anyhow::Result<Vec<Finding>>,
}

/// One figure of a run.
pub(crate) struct Finding {
    pub(crate) what: &'static str,
    pub(crate) value: String,
}

impl Finding {
    pub(crate) fn new(what: &'static str, value: impl Into<String>) -> Self {
        Self { what, value: value.into() }
    }

    fn row(&self) -> String {
        format!("    {:<44} {}\n", self.what, self.value)
    }
}

const PROOFS: &[Proof] = &[
    accounts::PROOF,
    flood::IDLE,
    flood::SLOW,
    flood::TOKENS,
    flood::END,
    fuzz::PROOF,
    web::PROOF,
];

/// Runs the named proofs, or all.
pub(crate) fn prove(repository: &Repository, names: &[String]) -> anyhow::Result<()> {
    let mut table = String::new();
    let mut refuted = Vec::new();
    for proof in choose(names)? {
        println!("{}: {} …", proof.name, proof.claim);
        let started = Instant::now();
        let result = (proof.run)(repository);
        let seconds = started.elapsed().as_secs();
        if result.is_err() {
            refuted.push(proof.name);
        }
        table.push_str(&rows(proof, seconds, result));
    }
    println!("\n{table}");
    if refuted.is_empty() { Ok(()) } else { bail!("did not hold: {}", refuted.join(", ")) }
}

fn rows(proof: &Proof, seconds: u64, result: anyhow::Result<Vec<Finding>>) -> String {
    let verdict = if result.is_ok() { "held" } else { "DID NOT HOLD" };
    let head = format!("{} ({seconds} s): {verdict}\n  {}\n", proof.name, proof.claim);
    let figures: String = match result {
        Ok(findings) => findings.iter().map(Finding::row).collect(),
        Err(error) => format!("    {error:#}\n"),
    };
    head + &figures
}

fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Proof>> {
    if names.is_empty() {
        return Ok(PROOFS.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            PROOFS.iter().find(|proof| proof.name == name.as_str()).with_context(|| {
                let known: Vec<_> = PROOFS.iter().map(|proof| proof.name).collect();
                format!("there is no proof named {name}; there are: {}", known.join(", "))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_does_not_hold_is_shouted() {
        let proof = Proof { name: "rain", claim: "it never rains", run: |_| bail!("it rains") };
        let row = rows(&proof, 3, Ok(vec![Finding::new("days", "7")]));
        assert_eq!(row, format!("rain (3 s): held\n  it never rains\n    {:<44} 7\n", "days"));
        let row = rows(&proof, 3, Err(anyhow::anyhow!("it rains")));
        assert_eq!(row, "rain (3 s): DID NOT HOLD\n  it never rains\n    it rains\n");
    }

    #[test]
    fn an_unknown_proof_is_an_error() {
        assert!(choose(&["no such proof".to_owned()]).is_err());
    }
}
