//! What belongs to one process: connections and locks.
//!
//! A child that was made by `fork` has copies of both, and neither may be touched. What a child
//! wrote on a connection would reach the parent's safe in the middle of the parent's requests; a
//! lock may be held by a thread that does not exist in the child. So each process has its own,
//! made at its first call, and what a child has inherited is left as it is, never dropped and
//! never waited for.

use std::mem;
use std::process;
use std::sync::OnceLock;

/// What can be had again in a forked child.
pub(super) trait Inherit {
    /// The same, without connections and with locks of its own. Waits for no lock.
    fn inherit(&self) -> Self;
}

/// One of them for each process, from the one that made it to the one that asks.
#[derive(Debug)]
pub(super) struct PerProcess<T> {
    process: u32,
    /// `None` only while it is dropped or changed.
    client: Option<T>,
    child: OnceLock<Box<Self>>,
}

impl<T: Inherit> PerProcess<T> {
    pub(super) fn new(client: T) -> Self {
        Self { process: process::id(), client: Some(client), child: OnceLock::new() }
    }

    /// That of this process.
    pub(super) fn get(&self) -> &T {
        let mut at = self;
        while at.process != process::id() {
            at = at.child.get_or_init(|| Box::new(Self::new(at.client().inherit())));
        }
        at.client()
    }

    /// Changes the client before its first use.
    pub(super) fn map(self, change: impl FnOnce(T) -> T) -> Self {
        Self::new(change(self.into_client()))
    }

    fn into_client(mut self) -> T {
        let own = if self.process == process::id() { self.client.take() } else { None };
        own.unwrap_or_else(|| self.client().inherit())
    }

    #[expect(clippy::expect_used, reason = "only what consumes `self` takes it")]
    fn client(&self) -> &T {
        self.client.as_ref().expect("it lives as long as the client")
    }
}

impl<T: Inherit + Clone> Clone for PerProcess<T> {
    fn clone(&self) -> Self {
        Self::new(self.get().clone())
    }
}

impl<T> Drop for PerProcess<T> {
    #[expect(clippy::mem_forget, reason = "dropping it could wait for a lock that nobody releases")]
    fn drop(&mut self) {
        if self.process != process::id() {
            mem::forget(self.client.take());
        }
    }
}
