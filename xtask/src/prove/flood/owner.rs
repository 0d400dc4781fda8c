//! The owner of a safe that is under attack: scripts that fetch on new connections, one that
//! keeps its connection, and the real `passsafe get`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use super::http::{Answer, Connection, PATIENCE};
use super::served::Served;
use crate::prove::Finding;

/// Fetches on new connections, at a quick script's pace, until this many are made or the
/// time is up; the fewest that tell anything.
const FETCHES: usize = 3_000;
const TIME: Duration = Duration::from_secs(120);
const FEWEST_FETCHES: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(2);
/// Between two fetches on the kept connection.
const KEPT_PAUSE: Duration = Duration::from_millis(100);
/// Of a thousand fetches, so many may fail.
const FAILURES_IN_A_THOUSAND: usize = 1;

#[derive(Default)]
struct Tally {
    times: Vec<Duration>,
    failures: Vec<String>,
}

impl Tally {
    fn count(&mut self, fetched: anyhow::Result<()>, time: Duration) {
        match fetched {
            Ok(()) if time <= PATIENCE => self.times.push(time),
            Ok(()) => self.failures.push(format!("took {time:?}")),
            Err(error) => self.failures.push(format!("{error:#} after {time:?}")),
        }
    }

    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.failures.extend(other.failures);
    }
}

/// Fetches in every way at once, and fails if too little came of it.
pub(super) fn fetch_all(served: &Served) -> anyhow::Result<Vec<Finding>> {
    let done = AtomicBool::new(false);
    let (mut fetched, real) = thread::scope(|scope| {
        let kept = scope.spawn(|| keep_fetching(served, &done));
        let real = scope.spawn(|| keep_getting(served, &done));
        let mut fetched = fetch_anew(served);
        done.store(true, Ordering::Relaxed);
        // A panic there has its message on the terminal already.
        fetched.add(kept.join().unwrap_or_default());
        (fetched, real.join().unwrap_or_default())
    });
    fetched.times.sort_unstable();
    let all = fetched.times.len() + fetched.failures.len();
    if let Some(first) = fetched.failures.first() {
        println!("  {} of {all} fetches failed; the first: {first}", fetched.failures.len());
    }
    ensure!(all >= FEWEST_FETCHES, "only {all} fetches in {TIME:?}");
    ensure!(fetched.failures.len() * 1_000 <= all * FAILURES_IN_A_THOUSAND, "too many failed");
    if let Some(failure) = real.failures.first() {
        bail!("{} runs of passsafe get failed: {failure}", real.failures.len());
    }
    let share = |hundredths: usize| {
        let at = fetched.times.len() * hundredths / 100;
        let time = fetched.times.get(at).or(fetched.times.last()).copied().unwrap_or_default();
        format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
    };
    Ok(vec![
        Finding::new("fetches that succeeded", format!("{} of {all}", fetched.times.len())),
        Finding::new("half of them within", share(50)),
        Finding::new("99 in 100 within (p99)", share(99)),
        Finding::new("all within", share(100)),
        Finding::new("runs of passsafe get, all successful", real.times.len().to_string()),
    ])
}

fn fetch_anew(served: &Served) -> Tally {
    let mut tally = Tally::default();
    let begun = Instant::now();
    while tally.times.len() + tally.failures.len() < FETCHES && begun.elapsed() < TIME {
        let start = Instant::now();
        let fetched = Connection::open(served.port)
            .and_then(|mut connection| connection.fetch(served.token()))
            .and_then(|answer| record(&answer));
        tally.count(fetched, start.elapsed());
        thread::sleep(PAUSE);
    }
    tally
}

/// As the client library does: what is quiet is used again.
fn keep_fetching(served: &Served, done: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut kept: Option<Connection> = None;
    while !done.load(Ordering::Relaxed) {
        let start = Instant::now();
        let connection = match kept.take().filter(Connection::is_quiet) {
            Some(connection) => Ok(connection),
            None => Connection::open(served.port),
        };
        let fetched = connection.and_then(|mut connection| {
            record(&connection.fetch(served.token())?)?;
            kept = Some(connection);
            Ok(())
        });
        tally.count(fetched, start.elapsed());
        thread::sleep(KEPT_PAUSE);
    }
    tally
}

fn keep_getting(served: &Served, done: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    while !done.load(Ordering::Relaxed) {
        let start = Instant::now();
        let got = served.get().output().map_err(Into::into).and_then(|output| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            ensure!(Served::is_password(&output.stdout), "{stderr}");
            Ok(())
        });
        // Deriving the key takes what it takes.
        tally.count(got, start.elapsed().min(PATIENCE));
        thread::sleep(Duration::from_millis(500));
    }
    tally
}

fn record(answer: &Answer) -> anyhow::Result<()> {
    let is_record = answer.status == 200 && answer.body.starts_with("{\"version\":1,");
    ensure!(is_record, "answered {} {}", answer.status, answer.body);
    Ok(())
}
