//! A runtime of our own, driven by the thread that calls.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use crate::error::{Cause, Error, Kind};

/// How often a waiting call asks whether it should go on.
const BEAT: Duration = Duration::from_millis(50);

/// Asked by a call that waits: an error ends it.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<dyn Fn() -> Result<(), Cause> + Send + Sync>);

impl Interrupt {
    pub(super) fn new(asked: impl Fn() -> Result<(), Cause> + Send + Sync + 'static) -> Self {
        Self(Arc::new(asked))
    }

    fn ask(&self) -> Result<(), Error> {
        Ok((self.0)().map_err(Kind::Interrupted)?)
    }

    /// Computes on a thread of its own, which goes on to its end if the caller does not.
    pub(super) fn compute<T: Send + 'static>(
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
    async fn watch<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
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

/// A runtime without threads of its own, made when it is needed.
#[derive(Debug, Default)]
pub(super) struct Reactor(OnceLock<Runtime>);

impl Reactor {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self(OnceLock::from(runtime()?)))
    }

    /// Waits for `work`, and all the while asks `interrupt` on the thread that waits.
    pub(super) fn wait_for<T: Send>(
        &self,
        interrupt: Option<&Interrupt>,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let runtime = self.runtime()?;
        let drive = || match interrupt {
            Some(interrupt) => runtime.block_on(interrupt.watch(work)),
            None => runtime.block_on(work),
        };
        let outside = Handle::try_current().is_err_and(|error| error.is_missing_context());
        if outside {
            return drive();
        }
        thread::scope(|scope| {
            let borrowed = thread::Builder::new()
                .spawn_scoped(scope, drive)
                .map_err(|error| Kind::System(error.into()))?;
            borrowed.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    fn runtime(&self) -> Result<&Runtime, Error> {
        if let Some(runtime) = self.0.get() {
            return Ok(runtime);
        }
        let made = runtime()?;
        Ok(self.0.get_or_init(|| made))
    }
}

fn runtime() -> Result<Runtime, Error> {
    // A thread that has looked up a name is not kept: a fork would not copy it.
    let mut builder = Builder::new_current_thread();
    let built = builder.enable_io().enable_time().thread_keep_alive(Duration::ZERO).build();
    Ok(built.map_err(|error| Kind::System(error.into()))?)
}

impl Drop for Reactor {
    /// Dropping a runtime inside another one panics, and elsewhere waits for name look-ups.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn third_time() -> Interrupt {
        let asked = AtomicU32::new(0);
        Interrupt::new(move || match asked.fetch_add(1, Ordering::Relaxed) {
            2 => Err("enough".into()),
            _ => Ok(()),
        })
    }

    #[test]
    fn a_call_that_waits_for_ever_ends_when_it_is_interrupted() {
        let reactor = Reactor::new().unwrap();
        let waited = reactor.wait_for::<()>(Some(&third_time()), pending());
        assert!(waited.unwrap_err().is_interrupted());
    }

    #[test]
    fn a_computation_is_left_alone_when_its_caller_is_interrupted() {
        let (go_on, blocked) = mpsc::channel::<()>();
        let (sender, done) = mpsc::channel();
        let computed = third_time().compute(move || {
            blocked.recv().unwrap();
            sender.send(()).unwrap();
        });
        assert!(computed.unwrap_err().is_interrupted());
        go_on.send(()).unwrap();
        done.recv().unwrap();
    }

    #[test]
    fn what_is_not_interrupted_comes_to_its_end() {
        let never = Interrupt::new(|| Ok(()));
        assert_eq!(never.compute(|| 5).unwrap(), 5);
        let reactor = Reactor::default();
        assert_eq!(reactor.wait_for(Some(&never), async { Ok(6) }).unwrap(), 6);
    }
}
