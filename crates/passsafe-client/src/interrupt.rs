//! Asking, all the while a call waits, whether it should go on.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::error::{Cause, Error, Kind};

/// How often a waiting call asks whether it should go on.
pub(crate) const BEAT: Duration = Duration::from_millis(50);

/// Asked by a call that waits: an error ends it.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<dyn Fn() -> Result<(), Cause> + Send + Sync>);

impl Interrupt {
    pub(crate) fn new(asked: impl Fn() -> Result<(), Cause> + Send + Sync + 'static) -> Self {
        Self(Arc::new(asked))
    }

    fn ask(&self) -> Result<(), Error> {
        Ok((self.0)().map_err(Kind::Interrupted)?)
    }
}

/// Asks, where there is anybody to ask.
pub(crate) fn ask(interrupt: Option<&Interrupt>) -> Result<(), Error> {
    interrupt.map_or(Ok(()), Interrupt::ask)
}

/// Works on a thread of its own, and asks all the while whether to go on waiting for it. If not,
/// the thread goes on to its end alone.
pub(crate) fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    go_on: impl Fn() -> Result<(), Error>,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let working = thread::Builder::new()
        .spawn(move || {
            // Nobody waits any more if the caller was told not to.
            let _unheard = sender.send(work());
        })
        .map_err(|error| Kind::System(error.into()))?;
    loop {
        match receiver.recv_timeout(BEAT) {
            Err(mpsc::RecvTimeoutError::Timeout) => go_on()?,
            received => {
                working.join().unwrap_or_else(|panic| resume_unwind(panic));
                return received.map_err(|error| Kind::System(error.into()).into());
            }
        }
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupt")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    /// Ends a call when it is asked for the third time.
    fn third_time() -> Interrupt {
        let asked = AtomicU32::new(0);
        Interrupt::new(move || match asked.fetch_add(1, Ordering::Relaxed) {
            2 => Err("enough".into()),
            _ => Ok(()),
        })
    }

    #[test]
    fn a_computation_is_left_alone_when_its_caller_is_interrupted() {
        let (go_on, blocked) = mpsc::channel::<()>();
        let (sender, done) = mpsc::channel();
        let work = move || {
            blocked.recv().unwrap();
            sender.send(()).unwrap();
        };
        let interrupt = third_time();
        let computed = on_a_thread(work, || ask(Some(&interrupt)));
        assert_eq!(computed.unwrap_err().kind(), ErrorKind::Interrupted);
        go_on.send(()).unwrap();
        done.recv().unwrap();
    }

    #[test]
    fn what_is_not_interrupted_comes_to_its_end() {
        let never = Interrupt::new(|| Ok(()));
        assert_eq!(on_a_thread(|| 5, || ask(Some(&never))).unwrap(), 5);
    }
}
