//! Serving a safe: accept, answer, and end in time.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use passsafe_core::wire::State;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::connection::slots::Crowd;
use crate::connection::{self, End, Shared, Visit};
use crate::http::hosts::AllowedHosts;
use crate::listen::Listener;
use crate::listen::accept::{Accepted, Acceptor, Stream};
use crate::listen::admission::Admission;
use crate::peer::Callers;
use crate::safe::Safe;

/// How long the clocks are left unread at most. Timers of the runtime stand still while the
/// machine sleeps and know nothing of the wall clock; half of the second in which an
/// expired safe has to be gone.
const CLOCK_INTERVAL: Duration = Duration::from_millis(500);
/// For the answers under way when the safe ends.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(250);
/// Before accepting again when the system has no descriptor or memory to spare, unless a
/// connection ends before that.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Before the connections there are get their turn. More at a time would have them wait,
/// fewer those that are not accepted yet.
const ACCEPTS_IN_A_ROW: usize = 16;
/// "This process has too many descriptors open", on every Unix. Not in [`io::ErrorKind`].
const EMFILE: i32 = 24;

/// Serves `safe` on `listeners` until it expires, is closed, or `shutdown` completes, and
/// returns its last state.
///
/// At most 256 connections are held. When all places are taken, the one goes for a newcomer
/// that has asked nothing for the longest time.
///
/// A locked or spent safe goes on refusing until its deadline. Connections that are open at
/// the end get a quarter of a second for the answer under way, never more. Connections of
/// accounts that `admission` does not admit are closed before a byte of theirs is read. Needs
/// a tokio runtime with I/O and time enabled; the listeners become non-blocking.
///
/// # Errors
///
/// If a listener cannot be handed to the runtime.
pub async fn run(
    listeners: impl IntoIterator<Item: Into<Listener>>,
    safe: Arc<Safe>,
    hosts: AllowedHosts,
    admission: Admission,
    shutdown: impl Future<Output = ()>,
) -> io::Result<State> {
    let listeners = listeners
        .into_iter()
        .map(|listener| Acceptor::new(listener.into()))
        .collect::<io::Result<Vec<_>>>()?;
    let callers = Callers::new(admission.peers());
    let shared = Arc::new(Shared { safe: safe.clone(), hosts, callers });
    let mut crowd = Crowd::default();
    let mut connections = JoinSet::new();
    let mut over = pin!(until_over(&safe));
    let mut shutdown = pin!(shutdown);
    let mut pause = pin!(sleep(Duration::ZERO));
    let mut pausing = false;
    let mut accepts = 0_usize;
    loop {
        if !pausing && let Some(until) = crowd.full_until() {
            pausing = true;
            pause.as_mut().reset(until);
        }
        tokio::select! {
            biased;
            () = &mut over => break,
            () = &mut shutdown => {
                safe.close_by_owner();
                break;
            }
            // Before accepting: in a flood there always is somebody to accept.
            Some(_) = connections.join_next() => pausing = false,
            () = &mut pause, if pausing => pausing = false,
            accepted = accept_any(&listeners, accepts), if !pausing => match accepted {
                Ok(accepted) => {
                    let mut peer = shared.callers.meet(accepted.far());
                    if admission.admits(&mut peer, safe.reporter())
                        && let Ok((stream, transport)) = accepted.into_stream()
                    {
                        let visit = Visit { transport, peer, place: crowd.admit() };
                        spawn(&mut connections, stream, visit, shared.clone());
                    }
                    accepts = accepts.wrapping_add(1);
                    if accepts.is_multiple_of(ACCEPTS_IN_A_ROW) {
                        // The runtime sees what has arrived, and whoever was evicted goes.
                        yield_now().await;
                    }
                }
                Err(error) => {
                    if error.raw_os_error() == Some(EMFILE) {
                        crowd.evict();
                    }
                    pausing = true;
                    pause.as_mut().reset(Instant::now() + ACCEPT_PAUSE);
                }
            }
        }
    }
    drop(listeners);
    crowd.drain();
    let all_gone = async { while connections.join_next().await.is_some() {} };
    // Whoever is not gone by then is cut off when the set is dropped.
    let _cut_off = timeout(DRAIN_TIMEOUT, all_gone).await;
    Ok(safe.status().state)
}

/// Completes when the safe is closed or its deadline has passed.
async fn until_over(safe: &Safe) {
    let mut state = safe.subscribe();
    loop {
        if matches!(*state.borrow_and_update(), State::Closed | State::Expired) {
            return;
        }
        let Some(remaining) = safe.remaining() else { return };
        safe.sweep();
        tokio::select! {
            _ = state.changed() => {}
            () = sleep(remaining.min(CLOCK_INTERVAL)) => {}
        }
    }
}

/// The next connection on any listener. Another listener is asked first each `turn`, so that
/// a flood on one does not starve the others.
async fn accept_any(listeners: &[Acceptor], turn: usize) -> io::Result<Accepted> {
    loop {
        let accepted = poll_fn(|context| {
            for listener in
                listeners.iter().cycle().skip(turn % listeners.len().max(1)).take(listeners.len())
            {
                if let Poll::Ready(result) = listener.poll_accept(context) {
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        });
        match accepted.await {
            Err(error) if is_about_the_client(&error) => {}
            result => return result,
        }
    }
}

/// It went away before it was accepted, which is no reason to let others wait.
fn is_about_the_client(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Not in [`run`], which is compiled for its caller, and as that one is.
fn spawn(
    connections: &mut JoinSet<()>,
    stream: Box<dyn Stream>,
    visit: Visit,
    shared: Arc<Shared>,
) {
    connections.spawn(serve(stream, visit, shared));
}

/// Serves a connection, and leaves nothing of it behind when it had to be cut off: a reset
/// takes it out of the tables of the system, where a polite end would keep its port busy for
/// as long as the other side likes. Ports are what a flood would run clients out of.
async fn serve(mut stream: Box<dyn Stream>, visit: Visit, shared: Arc<Shared>) {
    if connection::serve(&mut stream, visit, shared).await == End::CutOff {
        stream.reset_when_dropped();
    }
}
