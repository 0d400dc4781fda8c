//! Signals: the only place that installs handlers, and what holds signals back.
//!
//! What the caller ignores stays ignored: the SIGHUP of `nohup`, and SIGINT and SIGQUIT in a job
//! that a script started in the background.
//!
//! A person who has seen the credentials may send a signal at once, and means to close the safe.
//! Such a signal is blocked across exec, until the serving process can close the safe in order.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::{io, thread};

use nix::sys::signal::{SigSet, Signal as Masked, kill};
use nix::unistd::Pid;
use rustix::process::Signal;
use signal_hook::iterator::Signals as Iterated;
use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal as stream};

use super::inherited;
use crate::text::failure::code;

/// What closes a safe.
const CLOSING: [Masked; 3] = [Masked::SIGINT, Masked::SIGTERM, Masked::SIGHUP];

static HELD_BACK: AtomicBool = AtomicBool::new(false);

/// Has a thread of its own `handle` each of these signals, for as long as the process lives.
pub(crate) fn watch(signals: &[Signal], handle: impl Fn(i32) + Send + 'static) -> io::Result<()> {
    let mut signals = Iterated::new(heeded(signals).map(Signal::as_raw))?;
    thread::Builder::new().spawn(move || signals.forever().for_each(handle))?;
    Ok(())
}

/// Signals that come one by one. Needs the runtime.
pub(crate) struct Signals(Vec<(Signal, Stream)>);

impl Signals {
    /// Of several that have come, the first in this order is the next.
    pub(crate) fn listen(signals: &[Signal]) -> io::Result<Self> {
        let streams = heeded(signals)
            .map(|signal| Ok((signal, stream(SignalKind::from_raw(signal.as_raw()))?)))
            .collect::<io::Result<_>>()?;
        // The caller or the sealing process may have blocked them.
        let masked = signals.iter().filter_map(|it| Masked::try_from(it.as_raw()).ok());
        masked.collect::<SigSet>().thread_unblock()?;
        Ok(Self(streams))
    }

    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let mut all = self.0.iter_mut();
            all.find_map(|(signal, stream)| stream.poll_recv(context).is_ready().then_some(*signal))
                .map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

fn heeded(signals: &[Signal]) -> impl Iterator<Item = Signal> {
    signals.iter().copied().filter(|signal| !inherited::was_ignored(signal.as_raw()))
}

/// Ends this process by the signal, so that a shell ends its script too. After some signals only
/// the code that a shell would make of it is left, which this returns.
pub(crate) fn die_of(signal: i32) -> u8 {
    let _ignored_by_default = emulate_default_handler(signal);
    u8::try_from(signal).map_or(code::SIGNAL, |number| code::SIGNAL.saturating_add(number))
}

/// Holds the closing signals back. Those that another thread receives, it has to
/// [`pass_on`].
pub(crate) fn hold_back() {
    HELD_BACK.store(true, Ordering::SeqCst);
    block();
}

/// If signals are held back, makes this one wait for exec too, and returns true.
pub(crate) fn pass_on(signal: i32) -> bool {
    if !HELD_BACK.load(Ordering::SeqCst) {
        return false;
    }
    // Blocked by every thread, it stays pending for the process, and exec keeps it.
    block();
    Masked::try_from(signal).is_ok_and(|signal| kill(Pid::this(), signal).is_ok())
}

/// Keeps the system from stopping this process for touching a terminal that another program
/// has: a stopped safe answers no client. `display/tty` checks first; this covers the moment
/// between check and use.
pub(crate) fn hold_back_stops() {
    let stops: SigSet = [Masked::SIGTTIN, Masked::SIGTTOU].into_iter().collect();
    // Valid signals, which no call refuses.
    let _valid = stops.thread_block();
}

/// Valid signals, which no call refuses.
fn block() {
    let _valid = CLOSING.into_iter().collect::<SigSet>().thread_block();
}
