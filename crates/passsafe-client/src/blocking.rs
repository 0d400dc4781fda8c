//! The same client for programs without an async runtime, and for those with one that wait
//! all the same.
//!
//! It drives a small runtime of its own on the thread that calls: no thread and no task
//! lives between calls. Inside a runtime of the caller's, where driving another would panic,
//! a call borrows a thread for its duration; it blocks the caller's task as any blocking
//! call does. The key is derived on the calling thread, unless the client can be interrupted
//! ([`Client::with_interrupt`]).
//!
//! A client may be made before a `fork` and used after it, in parent and child, whatever other
//! threads were doing with it at that moment: a child makes a runtime and a connection of its
//! own at its first call, and leaves the parent's alone.

mod process;
mod reactor;

use std::time::Duration;

use passsafe_core::wire::Status;
use passsafe_core::{Entries, Secret, SecretText, Token};

use self::process::PerProcess;
use self::reactor::Interrupt;
use crate::client::{PASSWORD, copies, entry_name, entry_names, names, take, text};
use crate::error::{Cause, Error};
use crate::url::BaseUrl;

/// Opens one safe, as often as needed until it is over. Threads may share it.
#[derive(Debug)]
pub struct Client {
    client: PerProcess<crate::Client>,
    interrupt: Option<Interrupt>,
}

impl Client {
    /// As [`crate::Client::new`].
    pub fn new(passphrase: &str, token: &str) -> Result<Self, Error> {
        Self::of(crate::Client::new(passphrase, token)?)
    }

    /// As [`crate::Client::from_exposed`].
    pub fn from_exposed(
        credential: &[u8],
        token: &str,
        user: impl AsRef<[u8]>,
    ) -> Result<Self, Error> {
        Self::of(crate::Client::from_exposed(credential, token, user)?)
    }

    fn of(client: crate::Client) -> Result<Self, Error> {
        Ok(Self { client: PerProcess::new(client)?, interrupt: None })
    }

    /// As [`crate::Client::with_url`].
    pub fn with_url(self, url: &str) -> Result<Self, Error> {
        Ok(Self { client: self.client.try_map(|client| client.with_url(url))?, ..self })
    }

    /// As [`crate::Client::with_user`].
    pub fn with_user(self, user: impl AsRef<[u8]>) -> Result<Self, Error> {
        Ok(Self { client: self.client.try_map(|client| client.with_user(user))?, ..self })
    }

    /// As [`crate::Client::with_plain_http`]: call it before [`Client::with_url`].
    #[must_use]
    pub fn with_plain_http(self) -> Self {
        Self { client: self.client.map(crate::Client::with_plain_http), ..self }
    }

    /// As [`crate::Client::with_owner`].
    #[must_use]
    pub fn with_owner(self, uid: u32) -> Self {
        Self { client: self.client.map(|client| client.with_owner(uid)), ..self }
    }

    /// As [`crate::Client::with_any_owner`].
    #[must_use]
    pub fn with_any_owner(self) -> Self {
        Self { client: self.client.map(crate::Client::with_any_owner), ..self }
    }

    /// As [`crate::Client::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { client: self.client.map(|client| client.with_timeout(timeout)), ..self }
    }

    /// Has every call ask `interrupt` about twenty times a second while it waits. Its error
    /// ends the call at once and is the source of the call's, which answers
    /// [`Error::is_interrupted`].
    ///
    /// It is asked on the thread that calls; inside a runtime of the caller's, on the one that
    /// the call borrows. The key is derived on another thread then, which cannot be stopped: it
    /// goes on to its end, and the next call finds the key.
    #[must_use]
    pub fn with_interrupt(
        self,
        interrupt: impl Fn() -> Result<(), Cause> + Send + Sync + 'static,
    ) -> Self {
        Self { interrupt: Some(Interrupt::new(interrupt)), ..self }
    }

    /// As [`crate::Client::with_waiting`].
    #[must_use]
    pub fn with_waiting(self, tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self { client: self.client.map(|client| client.with_waiting(tell)), ..self }
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
        let here = self.client.get();
        here.reactor.wait_for(self.interrupt.as_ref(), here.client.status())
    }

    /// As [`crate::Client::remaining`].
    pub fn remaining(&self) -> Result<Duration, Error> {
        let here = self.client.get();
        here.reactor.wait_for(self.interrupt.as_ref(), here.client.remaining())
    }

    /// As [`crate::Client::close`].
    pub fn close(&self) -> Result<(), Error> {
        let here = self.client.get();
        here.reactor.wait_for(self.interrupt.as_ref(), here.client.close())
    }

    /// As [`crate::Client::expose_credential`].
    pub fn expose_credential(&self) -> Result<Secret, Error> {
        self.client.get().client.expose_credential()
    }

    /// As [`crate::Client::passphrase_typo`].
    #[must_use]
    pub fn passphrase_typo(&self) -> Option<String> {
        self.client.get().client.passphrase_typo()
    }

    /// As [`crate::Client::entries`].
    pub fn entries(&self) -> Result<Entries, Error> {
        let here = self.client.get();
        let record = here.reactor.wait_for(self.interrupt.as_ref(), here.client.fetch())?;
        if let Some(opened) = here.client.open_at_once(&record) {
            return opened;
        }
        let open = here.client.opening(record);
        match &self.interrupt {
            Some(interrupt) => interrupt.compute(open)?,
            None => open(),
        }
    }
}

/// A safe's address, for what needs no passphrase: its status, and closing it.
#[derive(Debug)]
pub struct Endpoint {
    endpoint: PerProcess<crate::Endpoint>,
    interrupt: Option<Interrupt>,
}

impl Endpoint {
    /// As [`crate::Endpoint::new`].
    pub fn new(url: BaseUrl) -> Result<Self, Error> {
        Ok(Self { endpoint: PerProcess::new(crate::Endpoint::new(url))?, interrupt: None })
    }

    /// As [`crate::Endpoint::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { endpoint: self.endpoint.map(|endpoint| endpoint.with_timeout(timeout)), ..self }
    }

    /// As [`crate::Endpoint::with_owner`].
    #[must_use]
    pub fn with_owner(self, uid: u32) -> Self {
        Self { endpoint: self.endpoint.map(|endpoint| endpoint.with_owner(uid)), ..self }
    }

    /// As [`crate::Endpoint::with_any_owner`].
    #[must_use]
    pub fn with_any_owner(self) -> Self {
        Self { endpoint: self.endpoint.map(crate::Endpoint::with_any_owner), ..self }
    }

    /// As [`Client::with_interrupt`].
    #[must_use]
    pub fn with_interrupt(
        self,
        interrupt: impl Fn() -> Result<(), Cause> + Send + Sync + 'static,
    ) -> Self {
        Self { interrupt: Some(Interrupt::new(interrupt)), ..self }
    }

    /// As [`crate::Endpoint::status`].
    pub fn status(&self) -> Result<Status, Error> {
        let here = self.endpoint.get();
        here.reactor.wait_for(self.interrupt.as_ref(), here.client.status())
    }

    /// As [`crate::Endpoint::close`].
    pub fn close(&self, token: &Token) -> Result<(), Error> {
        let here = self.endpoint.get();
        here.reactor.wait_for(self.interrupt.as_ref(), here.client.close(token))
    }
}
