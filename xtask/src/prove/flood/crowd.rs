//! A crowd that connects, says nothing, and comes back whenever it is thrown out.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::http;

/// Sockets that the crowd holds.
pub(super) const SOCKETS: usize = 10_000;
const THREADS: usize = 4;
/// Each thread comes back so often with as many sockets as were thrown out, up to a bound:
/// the load has an end, and the owner's own program gets at a processor.
const ROUND: Duration = Duration::from_millis(10);
const RETURNS_IN_A_ROUND: usize = 10;

/// Dropping it, or [`Crowd::leave`], ends it.
pub(super) struct Crowd {
    leaving: Arc<AtomicBool>,
    returns: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Takes up all its sockets.
    pub(super) fn come(port: u16) -> anyhow::Result<Self> {
        allow_descriptors(u64::try_from(SOCKETS)? + 2_000)?;
        let leaving = Arc::new(AtomicBool::new(false));
        let returns = Arc::new(AtomicU64::new(0));
        let mut crowd = Self { leaving, returns, threads: Vec::new() };
        let (here, all_here) = std::sync::mpsc::channel();
        for _ in 0..THREADS {
            let (leaving, returns) = (crowd.leaving.clone(), crowd.returns.clone());
            let here = here.clone();
            crowd.threads.push(thread::spawn(move || {
                let mut sockets = Vec::new();
                while sockets.len() < SOCKETS / THREADS && !leaving.load(Ordering::Relaxed) {
                    sockets.extend(http::connect(port));
                }
                let _nobody_waits = here.send(sockets.len());
                while !leaving.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    returns.fetch_add(come_back(port, &mut sockets), Ordering::Relaxed);
                    thread::sleep(ROUND.saturating_sub(start.elapsed()));
                }
            }));
        }
        for _ in 0..THREADS {
            let came = all_here.recv_timeout(Duration::from_secs(60));
            ensure!(came.context("the crowd does not get in")? == SOCKETS / THREADS);
        }
        Ok(crowd)
    }

    /// Leaves, and says how often a thrown-out socket came back.
    pub(super) fn leave(mut self) -> u64 {
        self.end();
        self.returns.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _message_on_the_terminal = thread.join();
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.end();
    }
}

/// Puts new connections in the place of dead ones, and counts them.
fn come_back(port: u16, sockets: &mut [TcpStream]) -> u64 {
    let mut returns = 0;
    for socket in sockets.iter_mut().filter(|socket| is_dead(socket)).take(RETURNS_IN_A_ROUND) {
        // Refused: the safe is gone.
        let Ok(another) = http::connect(port) else { break };
        *socket = another;
        returns += 1;
    }
    // Whoever was dead first is first in the next round too; take turns.
    sockets.rotate_left(usize::try_from(returns).unwrap_or(0).min(sockets.len()));
    returns
}

fn is_dead(socket: &TcpStream) -> bool {
    let peeked = socket.set_nonblocking(true).and_then(|()| socket.peek(&mut [0]));
    !peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Lets this process, and none that it has started before, open so many files and sockets.
pub(super) fn allow_descriptors(count: u64) -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    let maximum = maximum.map(|maximum| maximum.max(count));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum }).is_err() {
        bail!("this takes {count} open sockets; allow them with `ulimit -n {count}`, or be root");
    }
    Ok(())
}
