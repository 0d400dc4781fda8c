//! Limits the time of calls that may block for ever.

use std::io::{self, ErrorKind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What `work` returns; [`ErrorKind::TimedOut`] if that takes longer: its thread is then left
/// behind.
pub(crate) fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        // The receiver is gone once the time is up.
        let _late = sender.send(work());
    })?;
    receiver.recv_timeout(patience).map_err(|_| ErrorKind::TimedOut.into())
}
