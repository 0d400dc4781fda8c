//! Signals between showing the credentials and serving.
//!
//! A person who has seen the credentials may send a signal at once, and means to close the safe.
//! The signal is blocked across exec, until the serving process can close the safe in order.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

/// What closes a safe.
const CLOSING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

static HELD_BACK: AtomicBool = AtomicBool::new(false);

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
    Signal::try_from(signal).is_ok_and(|signal| kill(Pid::this(), signal).is_ok())
}

/// Unblocks them again, pending ones included.
pub(crate) fn let_through() {
    let _valid = closing().thread_unblock();
}

/// Keeps the system from stopping this process for touching a terminal that another program
/// has: a stopped safe answers no client. `display/tty` checks first; this covers the moment
/// between check and use.
pub(crate) fn hold_back_stops() {
    let stops: SigSet = [Signal::SIGTTIN, Signal::SIGTTOU].into_iter().collect();
    // Valid signals, which no call refuses.
    let _valid = stops.thread_block();
}

fn block() {
    let _valid = closing().thread_block();
}

/// Valid signals, which no call refuses.
fn closing() -> SigSet {
    CLOSING.into_iter().collect()
}
