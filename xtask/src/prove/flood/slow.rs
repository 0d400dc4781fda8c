//! Clients that dawdle: slowhttptest's three ways, and answers that nobody reads.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::owner;
use super::served::Served;
use super::unread::{self, Readers};
use crate::debian;
use crate::prove::{Finding, Proof};
use crate::repository::Repository;

pub(crate) const PROOF: Proof = Proof {
    name: "slow",
    claim: "1,000 clients that send or read as slowly as they can keep no owner out",
    run,
};

const TOOL: &str = "slowhttptest";
const CONNECTIONS: &str = "1000";

/// What the tool's switch does, and where it is pointed.
const WAYS: [(&str, &str, &str); 3] = [
    ("slow heads (slowhttptest -H)", "-H", "/v1/status"),
    ("slow bodies (slowhttptest -B)", "-B", "/v1/secret"),
    ("slow reading (slowhttptest -X)", "-X", "/v1/status"),
];

fn run(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    debian::provide(repository, &[TOOL], is_there)?;
    let mut findings = Vec::new();
    for (what, switch, path) in WAYS {
        println!("  {what} …");
        let served = Served::start(repository, 30)?;
        let url = format!("http://127.0.0.1:{}{path}", served.port);
        let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
        let fetched = thread::scope(|scope| {
            let attack = scope.spawn(|| attack(switch, &url, &done, &rounds));
            thread::sleep(Duration::from_secs(3));
            let fetched = owner::fetch_all(&served);
            done.store(true, Ordering::Relaxed);
            attack.join().unwrap_or_else(|_| bail!("the attack panicked"))?;
            fetched
        });
        let rounds = rounds.load(Ordering::Relaxed);
        findings.push(Finding::new(what, format!("{rounds} times {CONNECTIONS} connections")));
        findings.extend(fetched.context(what)?);
        findings.push(served.memory()?);
    }
    println!("  answers that nobody reads …");
    let served = Served::start(repository, 30)?;
    let readers = Readers::come(served.port)?;
    thread::sleep(Duration::from_secs(3));
    let fetched = owner::fetch_all(&served);
    let stuck = format!("{} connections, found full {} times", unread::SOCKETS, readers.leave());
    findings.push(Finding::new("answers unread", stuck));
    findings.extend(fetched.context("answers unread")?);
    findings.push(served.memory()?);
    Ok(findings)
}

/// The tool ends when all its connections have: then it comes again.
fn attack(switch: &str, url: &str, done: &AtomicBool, rounds: &AtomicU64) -> anyhow::Result<()> {
    while !done.load(Ordering::Relaxed) {
        let mut tool = Command::new(TOOL)
            .args([switch, "-u", url, "-c", CONNECTIONS, "-r", CONNECTIONS])
            // Bytes every second; heads and bodies that could take for ever.
            .args(["-i", "1", "-x", "24", "-l", "20", "-p", "3"])
            // Slow reading: ten answers, a few bytes at a time, through a window of as many.
            .args(["-k", "10", "-n", "1", "-z", "5", "-w", "1", "-y", "64"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context(TOOL)?;
        rounds.fetch_add(1, Ordering::Relaxed);
        while tool.try_wait()?.is_none() {
            if done.load(Ordering::Relaxed) {
                tool.kill()?;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

fn is_there() -> Option<()> {
    let mut probe = Command::new(TOOL);
    probe.arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok().then_some(())
}
