//! The signals that end a safe, between showing its credentials and serving it.
//!
//! A program that is replaced by another has no handlers until that one has made its own. A
//! Ctrl-C in between would kill the process, and leave its socket behind; held back, it is
//! delivered when somebody is there to act on it.

use nix::sys::signal::{SigSet, Signal};

/// Holds the signals back from this thread, and from the program that replaces it.
pub(super) fn hold() {
    // Fails for no set of signals; then a Ctrl-C is only less tidy.
    let _untidy = set().thread_block();
}

/// Lets through what was held back, once there are handlers.
pub(super) fn release() {
    let _cannot_fail_either = set().thread_unblock();
}

fn set() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect()
}
