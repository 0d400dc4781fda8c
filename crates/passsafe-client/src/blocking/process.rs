//! What belongs to one process: a runtime, the connections it watches, and locks.
//!
//! A child that was made by `fork` has copies of all three, and none may be touched. The
//! runtime's event queue and the sockets are shared with the parent, so a child that used or
//! even dropped them would take the parent's connection away; a lock may be held by a thread
//! that the child has not. So each process has its own, made at its first call, and what a
//! child has inherited is left as it is, never dropped and never waited for.

use std::mem;
use std::process;
use std::sync::OnceLock;

use super::reactor::Reactor;
use crate::error::Error;

/// What can be had again in a forked child.
pub(super) trait Inherit {
    /// The same, without connections and with locks of its own. Waits for no lock.
    fn inherit(&self) -> Self;
}

impl Inherit for crate::Client {
    fn inherit(&self) -> Self {
        self.inherited()
    }
}

impl Inherit for crate::Endpoint {
    fn inherit(&self) -> Self {
        self.inherited()
    }
}

/// A client and the runtime that drives it.
#[derive(Debug)]
pub(super) struct Driven<T> {
    pub(super) client: T,
    pub(super) reactor: Reactor,
}

/// One of them for each process, from the one that made it to the one that asks.
#[derive(Debug)]
pub(super) struct PerProcess<T> {
    process: u32,
    /// `None` only while it is dropped or changed.
    driven: Option<Driven<T>>,
    child: OnceLock<Box<Self>>,
}

impl<T: Inherit> PerProcess<T> {
    pub(super) fn new(client: T) -> Result<Self, Error> {
        Ok(Self::here(Driven { client, reactor: Reactor::new()? }))
    }

    /// That of this process.
    pub(super) fn get(&self) -> &Driven<T> {
        let mut at = self;
        while at.process != process::id() {
            at = at.child.get_or_init(|| Box::new(Self::here(at.inherit())));
        }
        at.driven()
    }

    /// Changes the client before its first use.
    pub(super) fn try_map(
        mut self,
        change: impl FnOnce(T) -> Result<T, Error>,
    ) -> Result<Self, Error> {
        let own = if self.process == process::id() { self.driven.take() } else { None };
        let Driven { client, reactor } = own.unwrap_or_else(|| self.inherit());
        Ok(Self::here(Driven { client: change(client)?, reactor }))
    }

    /// As [`PerProcess::try_map`], for what cannot fail.
    pub(super) fn map(mut self, change: impl FnOnce(T) -> T) -> Self {
        let own = if self.process == process::id() { self.driven.take() } else { None };
        let Driven { client, reactor } = own.unwrap_or_else(|| self.inherit());
        Self::here(Driven { client: change(client), reactor })
    }

    fn here(driven: Driven<T>) -> Self {
        Self { process: process::id(), driven: Some(driven), child: OnceLock::new() }
    }

    fn inherit(&self) -> Driven<T> {
        Driven { client: self.driven().client.inherit(), reactor: Reactor::default() }
    }

    #[expect(clippy::expect_used, reason = "only what consumes `self` takes it")]
    fn driven(&self) -> &Driven<T> {
        self.driven.as_ref().expect("it lives as long as the client")
    }
}

impl<T> Drop for PerProcess<T> {
    #[expect(clippy::mem_forget, reason = "dropping it would unhook the parent's connections")]
    fn drop(&mut self) {
        if self.process != process::id() {
            mem::forget(self.driven.take());
        }
    }
}
