//! Asking, all the while a call waits, whether it should go on.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::time::timeout;

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
        let (sender, receiver) = mpsc::sync_channel(1);
        let computing = thread::Builder::new()
            .spawn(move || {
                // Nobody waits any more if the caller was interrupted.
                let _unheard = sender.send(work());
            })
            .map_err(|error| Kind::System(error.into()))?;
        loop {
            match receiver.recv_timeout(BEAT) {
                Err(mpsc::RecvTimeoutError::Timeout) => self.ask()?,
                received => {
                    computing.join().unwrap_or_else(|panic| resume_unwind(panic));
                    return received.map_err(|error| Kind::System(error.into()).into());
                }
            }
        }
    }

    /// Polls `work` to its end, and asks in between.
    pub(crate) async fn watch<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        loop {
            match timeout(BEAT, work.as_mut()).await {
                Ok(done) => return done,
                Err(_still_waiting) => self.ask()?,
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
