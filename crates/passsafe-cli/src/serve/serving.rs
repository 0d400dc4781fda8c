//! The serving process: started by `exec` from the sealing one, and knows ciphertext only.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use passsafe_core::wire::State;
use passsafe_server::{
    Admission, AllowedHosts, Event, Events, Listener, Safe, SocketFile, SystemClock,
};
use tokio::signal::unix::{SignalKind, signal};

use super::handoff::{Access, Handoff, Received};
use super::{inherited, refusals, signals};
use crate::args::ServingArgs;
use crate::failure::{Failure, code};
use crate::hardened;
use crate::output::note_aside;

/// For saying how it ended; then the process is gone, heard or not.
const LAST_WORDS: Duration = Duration::from_millis(250);

pub(crate) fn serving(args: &ServingArgs) -> Result<(), Failure> {
    // exec undid what the sealing process had done to itself; what failed there was said there.
    hardened::harden();
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
    let said = note_aside(match end {
        State::Expired => "expired: the time is up, and the safe is gone\n",
        State::Closed => "closed: the safe is gone\n",
        State::Locked => "ended: the locked safe is gone\n",
        _ => "ended: the safe is gone\n",
    });
    let _or_nobody_reads = said.recv_timeout(LAST_WORDS);
    Ok(())
}

fn take_over(args: &ServingArgs) -> io::Result<(Received, Vec<Listener>)> {
    let ports = args.listener.len();
    let numbers: Vec<_> =
        [args.handoff].iter().chain(&args.listener).chain(&args.socket_listener).copied().collect();
    let mut descriptors = inherited::take(&numbers)?.into_iter();
    let handoff = descriptors.next().ok_or(io::ErrorKind::InvalidInput)?;
    let mut listeners: Vec<Listener> =
        descriptors.by_ref().take(ports).map(|it| TcpListener::from(it).into()).collect();
    listeners.extend(descriptors.map(|it| Listener::from(UnixListener::from(it))));
    Ok((Handoff::receive(File::from(handoff))?, listeners))
}

fn serve(received: Received, listeners: Vec<Listener>) -> io::Result<State> {
    let Received { record, seed, lifetime, deadline, access } = received;
    let Access { hosts, users, any_user, socket } = access;
    let token = seed.token(lifetime);
    drop(seed);
    let (safe, events) = Safe::new(&record, token, deadline, Arc::new(SystemClock)).with_events();
    let safe = Arc::new(safe);
    drop(record);
    let hosts = hosts.into_iter().fold(AllowedHosts::default(), AllowedHosts::with);
    let mut admission = users.into_iter().fold(Admission::default(), Admission::with_user);
    if any_user {
        admission = admission.with_any_user();
    }
    let end = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let shutdown = shutdown_signal()?;
        let server = passsafe_server::run(listeners, safe.clone(), hosts, admission, shutdown);
        tokio::select! {
            end = server => end,
            never = announce_lockout(&safe) => match never {},
            never = announce_refusals(events) => match never {},
        }
    });
    if let Some((path, device, inode)) = socket {
        // Whoever removed it before has saved us the trouble.
        let _already_gone = SocketFile::from_parts(path, device, inode).remove();
    }
    end
}

/// Says so when the safe is locked, and then waits for ever.
async fn announce_lockout(safe: &Safe) -> Infallible {
    let mut state = safe.subscribe();
    if state.wait_for(|state| *state == State::Locked).await.is_ok() {
        note_aside(
            "locked: three wrong tokens were tried, so nobody gets in any more; Ctrl-C ends the safe\n",
        );
    }
    std::future::pending().await
}

/// Says who was turned away at the door, and then waits for ever.
async fn announce_refusals(mut events: Events) -> Infallible {
    let mut announce = refusals::announcer();
    while let Some(event) = events.next().await {
        if let Event::RefusedAccount { account } = event {
            announce(account);
        }
    }
    std::future::pending().await
}

/// Completes at SIGINT, SIGTERM or SIGHUP.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    signals::let_through();
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
