//! A runtime of our own, driven by the thread that calls: for connecting, which takes more than
//! one socket to wait for.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Kind};
use crate::interrupt::Interrupt;

/// A runtime without threads of its own, made when it is needed.
#[derive(Debug, Default)]
pub(crate) struct Reactor(OnceLock<Runtime>);

impl Reactor {
    /// Waits for `work`, and all the while asks `interrupt` on the thread that waits.
    pub(crate) fn wait_for<T: Send>(
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

    use super::*;
    use crate::error::ErrorKind;
    use crate::interrupt::tests::third_time;

    #[test]
    fn a_call_that_waits_for_ever_ends_when_it_is_interrupted() {
        let waited = Reactor::default().wait_for::<()>(Some(&third_time()), pending());
        assert_eq!(waited.unwrap_err().kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn what_is_not_interrupted_comes_to_its_end() {
        let never = Interrupt::new(|| Ok(()));
        let waited = Reactor::default().wait_for(Some(&never), async { Ok(6) });
        assert_eq!(waited.unwrap(), 6);
    }
}
