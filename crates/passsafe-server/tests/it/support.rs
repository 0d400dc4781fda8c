//! Serving a safe to a test.

#![expect(clippy::disallowed_types, reason = "tests seal what they serve")]

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use passsafe_core::wire::State;
use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Passphrase, Proof, Sealed, SealedRecord, Secret,
    Token, User, WorkMemory,
};
use passsafe_server::{Admission, AllowedHosts, Clock as _, Listener, Safe, SystemClock, run};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// The token of [`open_safe`].
pub(crate) const RIGHT: &str = "936265";

/// The proof of what [`seal`] seals.
pub(crate) const PROOF: &str = "W1jfZQ4sWrEEIQkb6ufeSbWZtpzrHQN0CVNk35a4vMQ";

/// A record at the lowest cost, sealed under `zoom` for `ana`.
pub(crate) fn seal(secret: impl Into<Secret>) -> Sealed {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    let entries = Entries::new([(EntryName::password(), secret.into())]).unwrap();
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let passphrase = Passphrase::new("zoom").unwrap();
    let user = User::new("ana").unwrap();
    let mut memory = WorkMemory::for_cost(cost).unwrap();
    let sealed =
        SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory).unwrap();
    assert!(sealed.proof_hash.matches(&proof()));
    sealed
}

pub(crate) fn proof() -> Proof {
    Proof::from_wire(PROOF.as_bytes()).unwrap()
}

pub(crate) fn open_safe(sealed: &Sealed) -> Safe {
    let clock = Arc::new(SystemClock);
    let deadline = Deadline::new(clock.now(), Lifetime::MAX);
    Safe::new(sealed, Token::parse(RIGHT).unwrap(), deadline, clock)
}

/// A server on a thread of its own. Dropping it stops the server and waits for it.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<State>>,
}

impl Server {
    pub(crate) fn start(
        listeners: Vec<impl Into<Listener> + Send + 'static>,
        safe: Arc<Safe>,
        hosts: AllowedHosts,
        admission: Admission,
        mut runtime: Builder,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let shutdown = async { stopped.await.unwrap_or(()) };
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(run(listeners, safe, hosts, admission, shutdown)).unwrap()
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn stop(&mut self) -> Option<State> {
        let _over_already = self.stop.take()?.send(());
        Some(self.thread.take()?.join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
