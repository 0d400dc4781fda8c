//! What a wrong token costs, against a right one.
//!
//! Three of them lock a safe for good, so each safe judges two here, in turn with right ones
//! on the same connection. All safes are served by the library on one thread, and asked by
//! another over blocking sockets.

use std::future::pending;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use passsafe_server::{Admission, AllowedHosts, bind_localhost, run};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::programs::least::Opened;
use crate::programs::samples::{Samples, Summary};
use crate::programs::target::{Answer, Target};

/// Right tokens before the first that counts.
const WARM_UP: usize = 4;
/// Wrong ones that a safe judges without being locked.
const WRONG: usize = 2;

#[derive(Serialize)]
pub(crate) struct Figures {
    right: Summary,
    wrong: Summary,
    /// For each safe, the time of its wrong tokens through that of the right ones.
    ratios: Vec<f64>,
}

pub(crate) fn measure(safes: usize) -> anyhow::Result<Figures> {
    let sealed = Opened::new(NonZeroUsize::MIN, 24)?;
    let (right, proof) = (sealed.token(), sealed.proof());
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let (listeners, mut to_serve) = mpsc::unbounded_channel();
    let server = thread::spawn(move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            while let Some(listeners) = to_serve.recv().await {
                let (hosts, admission) = (AllowedHosts::default(), Admission::default());
                tokio::spawn(run(listeners, sealed.safe(), hosts, admission, pending()));
            }
        });
        Ok(())
    });
    let (mut rights, mut wrongs) = (Samples::default(), Samples::default());
    let mut ratios = Vec::new();
    for _ in 0..safes {
        let bound = bind_localhost(0)?;
        let port = bound.first().context("no listener")?.local_addr()?.port();
        listeners.send(bound).ok().context("the server is gone")?;
        let target = Target::Port(port);
        let mut stream = target.connect()?;
        let mut answer = Answer::with_room();
        let mut ask = |token: &str, status: &[u8]| -> anyhow::Result<Duration> {
            let request = target.request(token, &proof);
            let start = Instant::now();
            answer.exchange(&mut *stream, &request)?;
            let took = start.elapsed();
            ensure!(answer.status() == status);
            Ok(took)
        };
        for _ in 0..WARM_UP {
            ask(&right, b"200")?;
        }
        let (mut for_right, mut for_wrong) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..WRONG {
            let took = ask(&right, b"200")?;
            rights.push(took);
            for_right += took;
            let took = ask(wrong, b"401")?;
            wrongs.push(took);
            for_wrong += took;
        }
        ratios.push(for_wrong.as_secs_f64() / for_right.as_secs_f64());
    }
    drop(listeners);
    server.join().ok().context("the server failed")??;
    Ok(Figures { right: rights.summary(), wrong: wrongs.summary(), ratios })
}
