//! A million wrong tokens, of which three are judged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::crowd::allow_descriptors;
use super::http::{self, Connection};
use super::served::Served;
use crate::prove::{Finding, Proof};
use crate::repository::Repository;

pub(crate) const PROOF: Proof = Proof {
    name: "tokens",
    claim: "of 10^6 wrong tokens three are judged, and no right one is refused before that",
    run,
};

const TOKENS: u64 = 1_000_000;
const CONNECTIONS: usize = 1_000;
const THREADS: usize = 8;
/// Sent in one piece on one connection. With fewer, the time would go into connecting:
/// thrown out for one another, a thousand connections are new most of the time.
const AT_ONCE: u64 = 50;
const TOO_LONG: Duration = Duration::from_secs(600);

fn run(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    allow_descriptors(u64::try_from(CONNECTIONS)? + 200)?;
    let mut findings = two_wrong_tokens_change_nothing(repository)?;
    findings.extend(a_million(repository)?);
    Ok(findings)
}

/// All connections with the right token after two wrong ones; then the third.
fn two_wrong_tokens_change_nothing(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let served = Served::start(repository, 30)?;
    let wrong = wrong_tokens(served.token()).next().context("no wrong token")?;
    let judge = |token: &str| Connection::open(served.port)?.fetch(token);
    for _ in 0..2 {
        ensure!(judge(&wrong)?.status == 401);
    }
    let right = AtomicU64::new(0);
    let fetch = || -> anyhow::Result<()> {
        for _ in 0..CONNECTIONS / THREADS {
            let status = judge(served.token())?.status;
            ensure!(status == 200, "a right token got {status} after two wrong ones");
            right.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    join_all(&fetch)?;
    ensure!(judge(&wrong)?.status == 401);
    ensure!(judge(served.token())?.status == 423, "a right token after three wrong ones");
    let right = right.load(Ordering::Relaxed);
    Ok(vec![Finding::new("right tokens after two wrong ones, all served", right.to_string())])
}

#[derive(Default)]
struct Judged {
    refused: u64,
    /// A wrong token that was judged: attempts left after it, and when it had been sent.
    wrong: Vec<(u64, Instant)>,
    unanswered: u64,
    connections: u64,
}

fn a_million(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let served = Served::start(repository, 30)?;
    let judged = Mutex::new(Judged::default());
    let left = AtomicU64::new(TOKENS);
    let start = Barrier::new(THREADS + 1);
    let begun = Instant::now();
    let guess = || -> anyhow::Result<()> {
        let sockets: anyhow::Result<Vec<_>> =
            (0..CONNECTIONS / THREADS).map(|_| Connection::open(served.port)).collect();
        start.wait();
        let mine = guess_all(&served, sockets?, &left, begun)?;
        let mut all = judged.lock().unwrap_or_else(PoisonError::into_inner);
        all.refused += mine.refused;
        all.unanswered += mine.unanswered;
        all.connections += mine.connections;
        all.wrong.extend(mine.wrong);
        Ok(())
    };
    let (guessed, owner) = thread::scope(|scope| {
        let guessed = scope.spawn(|| join_all(&guess));
        let owner = fetch_until_refused(&served, &start);
        (guessed.join().unwrap_or_else(|_| bail!("the flood panicked")), owner)
    });
    guessed?;
    let (served_right, refused_at) = owner?;
    let seconds = begun.elapsed().as_secs();
    let mut judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
    judged.wrong.sort_unstable();
    let counts: Vec<u64> = judged.wrong.iter().map(|(left, _)| *left).collect();
    ensure!(counts == [0, 1, 2], "judged, with so many attempts left each: {counts:?}");
    let third = judged.wrong.first().map(|(_, sent)| *sent);
    ensure!(third.is_some_and(|sent| refused_at >= sent), "a right token was refused too early");
    ensure!(judged.refused + 3 == TOKENS, "answered otherwise: {}", TOKENS - judged.refused - 3);
    let late = Connection::open(served.port)?.fetch(served.token())?.status;
    ensure!(late == 423, "a right token afterwards got {late}");
    let status = http::ask_status(served.port)?;
    ensure!(status.get("state").is_some_and(|state| state == "locked"), "{status}");
    let over = format!("{CONNECTIONS} at a time, {} in all, in {seconds} s", judged.connections);
    Ok(vec![
        Finding::new("wrong tokens answered", TOKENS.to_string()),
        Finding::new("connections", over),
        Finding::new("judged (401)", counts.len().to_string()),
        Finding::new("refused unjudged (423)", judged.refused.to_string()),
        Finding::new(
            "sent on a connection that was gone, sent again",
            judged.unanswered.to_string(),
        ),
        Finding::new("right tokens meanwhile, before the lock", served_right.to_string()),
        Finding::new("a right token afterwards", "423 locked"),
        served.memory()?,
    ])
}

/// Takes turns on its connections until enough tokens are answered.
fn guess_all(
    served: &Served,
    mut connections: Vec<Connection>,
    left: &AtomicU64,
    begun: Instant,
) -> anyhow::Result<Judged> {
    let mut judged = Judged { connections: u64::try_from(connections.len())?, ..Judged::default() };
    let mut tokens = wrong_tokens(served.token()).cycle();
    loop {
        for connection in &mut connections {
            let take = |left: u64| Some(left.saturating_sub(AT_ONCE));
            let mut batch = left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .map_or(0, |left| left.min(AT_ONCE));
            if batch == 0 {
                return Ok(judged);
            }
            while batch > 0 {
                ensure!(begun.elapsed() < TOO_LONG, "the flood takes too long");
                let requests = (0..batch).filter_map(|_| tokens.next());
                let requests: String =
                    requests.map(|token| http::fetch(served.port, &token)).collect();
                let answered = ask(connection, &requests, batch, &mut judged)?;
                batch -= answered;
                if batch > 0 {
                    judged.unanswered += batch;
                    judged.connections += 1;
                    *connection = Connection::open(served.port)?;
                }
            }
        }
    }
}

/// Sends a batch, and says how many answers came before the connection was gone.
fn ask(
    connection: &mut Connection,
    requests: &str,
    batch: u64,
    judged: &mut Judged,
) -> anyhow::Result<u64> {
    let sent = Instant::now();
    if connection.send(requests).is_err() {
        return Ok(0);
    }
    for answered in 0..batch {
        let Ok(answer) = connection.receive() else { return Ok(answered) };
        match answer.status {
            423 => judged.refused += 1,
            401 => {
                let body: serde_json::Value = serde_json::from_str(&answer.body)?;
                let left = body.get("attempts_left").and_then(serde_json::Value::as_u64);
                judged.wrong.push((left.context("no attempts_left")?, sent));
            }
            status => bail!("a wrong token got {status}"),
        }
    }
    Ok(batch)
}

/// The owner beside the flood: how often it was served, and when it was refused first.
fn fetch_until_refused(served: &Served, start: &Barrier) -> anyhow::Result<(u64, Instant)> {
    let mut right = 0;
    let first = Connection::open(served.port).and_then(|mut it| it.fetch(served.token()));
    start.wait();
    ensure!(first?.status == 200, "a right token was refused before any wrong one");
    loop {
        match Connection::open(served.port)?.fetch(served.token())?.status {
            200 => right += 1,
            423 => return Ok((right, Instant::now())),
            status => bail!("a right token got {status}"),
        }
    }
}

fn wrong_tokens(right: &str) -> impl Iterator<Item = String> + Clone {
    (0..1_000_000).map(|number| format!("{number:06}")).filter(move |token| token != right)
}

fn join_all(work: &(impl Fn() -> anyhow::Result<()> + Sync)) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .try_for_each(|result| result.unwrap_or_else(|_| bail!("a thread panicked")))
    })
}
