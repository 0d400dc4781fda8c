//! The serving process: started by `exec` from the sealing one, and knows ciphertext only.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use passsafe_core::wire::State;
use passsafe_server::{Admission, AllowedHosts, Safe, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use super::handoff::{Handoff, Received};
use super::inherited;
use crate::args::ServingArgs;
use crate::failure::{Failure, code};
use crate::output::note;

pub(crate) fn serving(args: &ServingArgs) -> Result<(), Failure> {
    // Started as /proc/self/exe, the process would be listed as `exe`.
    #[cfg(target_os = "linux")]
    let _cosmetic = rustix::thread::set_name(c"passsafe");
    let (received, listeners) = take_over(args).map_err(|error| {
        Failure::new(
            code::USAGE,
            format!("the handoff to the serving process is broken: {error}"),
            "start a safe with 'passsafe serve'",
        )
    })?;
    let end = serve(received, listeners)
        .map_err(|error| Failure::os("the safe cannot be served", error))?;
    note(match end {
        State::Expired => "expired: the time is up, and the safe is gone\n",
        State::Closed => "closed: the safe is gone\n",
        State::Locked => "ended: the locked safe is gone\n",
        _ => "ended: the safe is gone\n",
    });
    Ok(())
}

fn take_over(args: &ServingArgs) -> io::Result<(Received, Vec<TcpListener>)> {
    let received = Handoff::receive(File::from(inherited::take(args.handoff)?))?;
    let listeners = args
        .listener
        .iter()
        .map(|&number| inherited::take(number).map(TcpListener::from))
        .collect::<io::Result<_>>()?;
    Ok((received, listeners))
}

fn serve(received: Received, listeners: Vec<TcpListener>) -> io::Result<State> {
    let Received { record, seed, lifetime, deadline, allowed_hosts } = received;
    let token = seed.token(lifetime);
    drop(seed);
    let safe = Arc::new(Safe::new(&record, token, deadline, Arc::new(SystemClock)));
    drop(record);
    let hosts = allowed_hosts.into_iter().fold(AllowedHosts::default(), AllowedHosts::with);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let shutdown = shutdown_signal()?;
        let admission = Admission::default();
        let server = passsafe_server::run(listeners, safe.clone(), hosts, admission, shutdown);
        tokio::select! {
            end = server => end,
            never = announce_lockout(&safe) => match never {},
        }
    })
}

/// Says so when the safe is locked, and then waits for ever.
async fn announce_lockout(safe: &Safe) -> Infallible {
    let mut state = safe.subscribe();
    if state.wait_for(|state| *state == State::Locked).await.is_ok() {
        note(
            "locked: three wrong tokens were tried, so nobody gets in any more; Ctrl-C ends the safe\n",
        );
    }
    std::future::pending().await
}

/// Completes at SIGINT, SIGTERM or SIGHUP.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
