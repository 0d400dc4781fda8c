//! Asking, all the while a call waits, whether it should go on.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

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

    pub(crate) fn ask(&self) -> Result<(), Error> {
        Ok((self.0)().map_err(Kind::Interrupted)?)
    }

    /// Computes on a thread of its own, which goes on to its end if the caller does not.
    pub(crate) fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        Running::start(work)?.wait(|| self.ask())
    }
}

/// Works on a thread of its own until then. `None` if the time was up first: the thread goes on
/// to its end.
pub(crate) fn on_a_thread<T: Send + 'static>(
    interrupt: Option<&Interrupt>,
    until: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Error> {
    let mut in_time = true;
    let done = Running::start(work)?.wait(|| {
        in_time = Instant::now() < until;
        if in_time { interrupt.map_or(Ok(()), Interrupt::ask) } else { Err(Kind::Lost.into()) }
    });
    if in_time { done.map(Some) } else { Ok(None) }
}

/// Work on another thread, and where its result will come from.
struct Running<T> {
    thread: thread::JoinHandle<()>,
    result: mpsc::Receiver<T>,
}

impl<T: Send + 'static> Running<T> {
    fn start(work: impl FnOnce() -> T + Send + 'static) -> Result<Self, Error> {
        let (sender, result) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .spawn(move || {
                // Nobody waits any more if the caller was interrupted.
                let _unheard = sender.send(work());
            })
            .map_err(|error| Kind::System(error.into()))?;
        Ok(Self { thread, result })
    }

    /// Waits for the result, and asks all the while whether to go on.
    fn wait(self, mut go_on: impl FnMut() -> Result<(), Error>) -> Result<T, Error> {
        loop {
            match self.result.recv_timeout(BEAT) {
                Err(mpsc::RecvTimeoutError::Timeout) => go_on()?,
                received => {
                    self.thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                    return received.map_err(|error| Kind::System(error.into()).into());
                }
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
pub(crate) mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    /// Ends a call when it is asked for the third time.
    pub(crate) fn third_time() -> Interrupt {
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
        let computed = third_time().compute(move || {
            blocked.recv().unwrap();
            sender.send(()).unwrap();
        });
        assert_eq!(computed.unwrap_err().kind(), ErrorKind::Interrupted);
        go_on.send(()).unwrap();
        done.recv().unwrap();
    }

    #[test]
    fn what_is_not_interrupted_comes_to_its_end() {
        let never = Interrupt::new(|| Ok(()));
        assert_eq!(never.compute(|| 5).unwrap(), 5);
    }
}
