//! The same client for programs without an async runtime, and for those with one that wait
//! all the same.
//!
//! It drives a small runtime of its own on the thread that calls: no thread and no task
//! lives between calls. Inside a runtime of the caller's, where driving another would panic,
//! a call borrows a thread for its duration; it blocks the caller's task as any blocking
//! call does. The key is derived on the calling thread.

use std::future::Future;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use passsafe_core::wire::Status;
use passsafe_core::{Entries, Secret, SecretText, Token};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::client::{PASSWORD, copies, entry_name, entry_names, names, take, text};
use crate::error::{Error, Kind};
use crate::url::BaseUrl;

/// Opens one safe, as often as needed until it is over. Threads may share it.
#[derive(Debug)]
pub struct Client {
    client: crate::Client,
    reactor: Reactor,
}

impl Client {
    /// As [`crate::Client::new`].
    pub fn new(passphrase: &str, token: &str) -> Result<Self, Error> {
        Ok(Self { client: crate::Client::new(passphrase, token)?, reactor: Reactor::new()? })
    }

    /// As [`crate::Client::with_url`].
    pub fn with_url(self, url: &str) -> Result<Self, Error> {
        Ok(Self { client: self.client.with_url(url)?, ..self })
    }

    /// As [`crate::Client::with_user`].
    pub fn with_user(self, user: &str) -> Result<Self, Error> {
        Ok(Self { client: self.client.with_user(user)?, ..self })
    }

    /// As [`crate::Client::with_plain_http`]: call it before [`Client::with_url`].
    #[must_use]
    pub fn with_plain_http(self) -> Self {
        Self { client: self.client.with_plain_http(), ..self }
    }

    /// As [`crate::Client::with_owner`].
    #[must_use]
    pub fn with_owner(self, uid: u32) -> Self {
        Self { client: self.client.with_owner(uid), ..self }
    }

    /// As [`crate::Client::with_any_owner`].
    #[must_use]
    pub fn with_any_owner(self) -> Self {
        Self { client: self.client.with_any_owner(), ..self }
    }

    /// As [`crate::Client::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { client: self.client.with_timeout(timeout), ..self }
    }

    /// As [`crate::Client::password`].
    pub fn password(&self) -> Result<SecretText, Error> {
        self.secret(PASSWORD)
    }

    /// As [`crate::Client::secret`].
    pub fn secret(&self, name: &str) -> Result<SecretText, Error> {
        text(self.secret_bytes(name)?)
    }

    /// As [`crate::Client::secret_bytes`].
    pub fn secret_bytes(&self, name: &str) -> Result<Secret, Error> {
        let name = entry_name(name)?;
        take(self.entries()?, name)
    }

    /// As [`crate::Client::secrets`].
    pub fn secrets(&self, names: &[&str]) -> Result<Vec<Secret>, Error> {
        let names = entry_names(names)?;
        copies(&self.entries()?, names)
    }

    /// As [`crate::Client::names`].
    pub fn names(&self) -> Result<Vec<String>, Error> {
        Ok(names(&self.entries()?))
    }

    /// As [`crate::Client::status`].
    pub fn status(&self) -> Result<Status, Error> {
        self.reactor.wait_for(self.client.status())
    }

    /// As [`crate::Client::remaining`].
    pub fn remaining(&self) -> Result<Duration, Error> {
        self.reactor.wait_for(self.client.remaining())
    }

    /// As [`crate::Client::close`].
    pub fn close(&self) -> Result<(), Error> {
        self.reactor.wait_for(self.client.close())
    }

    /// As [`crate::Client::entries`].
    pub fn entries(&self) -> Result<Entries, Error> {
        let record = self.reactor.wait_for(self.client.fetch())?;
        self.client.open_here(&record)
    }
}

/// A safe's address, for what needs no passphrase: its status, and closing it.
#[derive(Debug)]
pub struct Endpoint {
    endpoint: crate::Endpoint,
    reactor: Reactor,
}

impl Endpoint {
    /// As [`crate::Endpoint::new`].
    pub fn new(url: BaseUrl) -> Result<Self, Error> {
        Ok(Self { endpoint: crate::Endpoint::new(url), reactor: Reactor::new()? })
    }

    /// As [`crate::Endpoint::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { endpoint: self.endpoint.with_timeout(timeout), ..self }
    }

    /// As [`crate::Endpoint::with_owner`].
    #[must_use]
    pub fn with_owner(self, uid: u32) -> Self {
        Self { endpoint: self.endpoint.with_owner(uid), ..self }
    }

    /// As [`crate::Endpoint::with_any_owner`].
    #[must_use]
    pub fn with_any_owner(self) -> Self {
        Self { endpoint: self.endpoint.with_any_owner(), ..self }
    }

    /// As [`crate::Endpoint::status`].
    pub fn status(&self) -> Result<Status, Error> {
        self.reactor.wait_for(self.endpoint.status())
    }

    /// As [`crate::Endpoint::close`].
    pub fn close(&self, token: &Token) -> Result<(), Error> {
        self.reactor.wait_for(self.endpoint.close(token))
    }
}

/// A runtime without threads. `None` only while it is dropped.
#[derive(Debug)]
struct Reactor(Option<Runtime>);

impl Reactor {
    fn new() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        Ok(Self(Some(runtime.map_err(|error| Kind::System(error.into()))?)))
    }

    fn wait_for<T: Send>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let outside = Handle::try_current().is_err_and(|error| error.is_missing_context());
        if outside {
            return self.block_on(work);
        }
        thread::scope(|scope| {
            let borrowed = thread::Builder::new()
                .spawn_scoped(scope, || self.block_on(work))
                .map_err(|error| Kind::System(error.into()))?;
            borrowed.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    #[expect(clippy::expect_used, reason = "only `drop` takes the runtime")]
    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.as_ref().expect("the runtime lives as long as the client").block_on(work)
    }
}

impl Drop for Reactor {
    /// Dropping a runtime inside another one panics, and elsewhere waits for name look-ups.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
