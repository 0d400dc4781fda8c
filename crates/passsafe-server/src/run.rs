//! Serving a safe: accept, answer, and end in time.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use passsafe_core::wire::State;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::accept::{Accepted, Acceptor};
use crate::admission::Admission;
use crate::connection::{self, Shared};
use crate::hosts::AllowedHosts;
use crate::listen::Listener;
use crate::safe::Safe;

/// How long the clocks are left unread at most. Timers of the runtime stand still while the
/// machine sleeps and know nothing of the wall clock; half of the second in which an
/// expired safe has to be gone.
const CLOCK_INTERVAL: Duration = Duration::from_millis(500);
/// For the answers under way when the safe ends.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(250);
/// Before accepting again when the system has no descriptor or memory to spare.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `safe` on `listeners` until it expires, is closed, or `shutdown` completes, and
/// returns its last state.
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
    let shared = Arc::new(Shared { safe: safe.clone(), hosts });
    let draining = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    let mut over = pin!(until_over(&safe));
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut over => break,
            () = &mut shutdown => {
                safe.close_by_owner();
                break;
            }
            accepted = accept_any(&listeners) => {
                if admission.admits(&accepted) {
                    let (stream, door) = accepted.into_stream();
                    connections.spawn(connection::serve(stream, door, shared.clone(), draining.subscribe()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listeners);
    draining.send_replace(true);
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
        tokio::select! {
            _ = state.changed() => {}
            () = sleep(remaining.min(CLOCK_INTERVAL)) => {}
        }
    }
}

/// The next connection on any listener.
async fn accept_any(listeners: &[Acceptor]) -> Accepted {
    loop {
        let accepted = poll_fn(|context| {
            for listener in listeners {
                if let Poll::Ready(result) = listener.poll_accept(context) {
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        });
        match accepted.await {
            Ok(accepted) => return accepted,
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}
