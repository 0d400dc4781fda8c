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

use crate::connection::slots::{Connections, Slot};
use crate::connection::{self, End};
use crate::http::context::{Context, Service};
use crate::http::hosts::AllowedHosts;
use crate::listen::Listener;
use crate::listen::accept::{Accepted, Acceptor, Stream};
use crate::listen::admission::Admission;
use crate::peer::PeerLookup;
use crate::safe::Safe;

/// How long the clocks are left unread at most. Timers of the runtime stand still while the
/// machine sleeps and know nothing of the wall clock; half of the second in which an
/// expired safe has to be gone.
const CLOCK_INTERVAL: Duration = Duration::from_millis(500);
/// For the answers under way when the safe ends.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(250);
/// Before accepting again when the system is out of descriptors or memory, unless a
/// connection ends earlier.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are accepted before the open ones are polled. More would delay the open
/// ones, fewer those that wait to be accepted.
const ACCEPTS_IN_A_ROW: usize = 16;
/// "This process has too many descriptors open", on every Unix. Not in [`io::ErrorKind`].
const EMFILE: i32 = 24;

/// Serves `safe` on `listeners` until it expires, is closed, or `shutdown` completes, and
/// returns its last state.
///
/// At most 256 connections are held. When all slots are taken, a new connection takes the
/// slot of the one without a complete request for the longest time.
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
    let lookup = PeerLookup::new(admission.peers());
    let service = Arc::new(Service { safe: safe.clone(), hosts, lookup });
    let mut connections = Connections::default();
    let mut tasks = JoinSet::new();
    let mut over = pin!(until_over(&safe));
    let mut shutdown = pin!(shutdown);
    let mut pause = pin!(sleep(Duration::ZERO));
    let mut pausing = false;
    let mut accepts = 0_usize;
    loop {
        if !pausing && let Some(until) = connections.grace_until() {
            pausing = true;
            pause.as_mut().reset(until);
        }
        tokio::select! {
            biased;
            () = &mut over => break,
            () = &mut shutdown => {
                safe.close_by_user();
                break;
            }
            // Before accepting: in a flood there is always a connection to accept.
            Some(_) = tasks.join_next() => pausing = false,
            () = &mut pause, if pausing => pausing = false,
            accepted = accept_any(&listeners, accepts), if !pausing => match accepted {
                Ok(accepted) => {
                    let mut peer = service.lookup.accepted(accepted.peer_address());
                    if admission.admits(&mut peer, || accepted.is_connected(), safe.reporter())
                        && let Ok((stream, transport)) = accepted.into_stream()
                    {
                        let context = Context { service: service.clone(), transport, peer };
                        spawn(&mut tasks, stream, context, connections.add());
                    }
                    accepts = accepts.wrapping_add(1);
                    if accepts.is_multiple_of(ACCEPTS_IN_A_ROW) {
                        // The runtime polls what has arrived, and evicted connections end.
                        yield_now().await;
                    }
                }
                Err(error) => {
                    if error.raw_os_error() == Some(EMFILE) {
                        connections.evict();
                    }
                    pausing = true;
                    pause.as_mut().reset(Instant::now() + ACCEPT_PAUSE);
                }
            }
        }
    }
    drop(listeners);
    connections.drain();
    let all_gone = async { while tasks.join_next().await.is_some() {} };
    // Connections that are left are cut off when the set is dropped.
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

/// The next connection on any listener. The first one to be polled changes with
/// `start`, so that a flood on one does not starve the others.
async fn accept_any(listeners: &[Acceptor], start: usize) -> io::Result<Accepted> {
    loop {
        let accepted = poll_fn(|context| {
            for listener in
                listeners.iter().cycle().skip(start % listeners.len().max(1)).take(listeners.len())
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

/// The client closed the connection before it was accepted: no reason to pause.
fn is_about_the_client(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Not in [`run`], which is generic and therefore compiled with its caller's settings.
fn spawn(tasks: &mut JoinSet<()>, stream: Box<dyn Stream>, context: Context, slot: Slot) {
    tasks.spawn(serve(stream, context, slot));
}

/// Serves a connection, and resets it when it was cut off: after an orderly close the system
/// would keep the port busy until the client closes too, and a flood would use up the ports.
async fn serve(mut stream: Box<dyn Stream>, context: Context, slot: Slot) {
    if connection::serve(&mut stream, context, slot).await == End::CutOff {
        stream.reset_when_dropped();
    }
}
