//! The same client for programs without an async runtime, and for those with one that wait
//! all the same.
//!
//! A call waits where it reads, on the thread that makes it: no thread and no task lives between
//! calls. To connect, it drives a small runtime of its own; inside a runtime of the caller's,
//! where driving another would panic, it borrows a thread for that. There it blocks the
//! caller's task as any blocking call does. The key is derived on the calling thread, unless the
//! client can be interrupted ([`Client::with_interrupt`]).
//!
//! A client may be made before a `fork` and used after it, in parent and child, whatever other
//! threads were doing with it at that moment: a child makes a connection of its own at its first
//! call, and leaves the parent's alone.

mod process;

use std::pin::pin;
use std::time::Duration;

use passsafe_core::wire::Status;
use passsafe_core::{Entries, EntryName, Passphrase, Secret, SecretText, Token, Typo, User};

use self::process::PerProcess;
use crate::client::{PASSWORD, copies, entry_name, entry_names, names, take, text};
use crate::error::{Cause, Error};
use crate::in_place::block_on;
use crate::interrupt::Interrupt;
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// Opens one safe, as often as needed until it is over. Threads may share it; a clone shares
/// the key, and has a connection of its own.
#[derive(Debug, Clone)]
pub struct Client {
    client: PerProcess<crate::Client>,
    interrupt: Option<Interrupt>,
}

impl Client {
    /// As [`crate::Client::new`].
    pub fn new(passphrase: Passphrase, token: Token) -> Result<Self, Error> {
        Ok(Self::of(crate::Client::new(passphrase, token)?))
    }

    /// As [`crate::Client::parse`].
    pub fn parse(passphrase: &str, token: &str) -> Result<Self, Error> {
        Ok(Self::of(crate::Client::parse(passphrase, token)?))
    }

    /// As [`crate::Client::from_exposed`].
    pub fn from_exposed(credential: &[u8], token: Token, user: User) -> Result<Self, Error> {
        Ok(Self::of(crate::Client::from_exposed(credential, token, user)?))
    }

    fn of(client: crate::Client) -> Self {
        Self { client: PerProcess::new(client.in_place()), interrupt: None }
    }

    /// As [`crate::Client::with_url`].
    #[must_use]
    pub fn with_url(self, url: BaseUrl) -> Self {
        Self { client: self.client.map(|client| client.with_url(url)), ..self }
    }

    /// As [`crate::Client::with_user`].
    #[must_use]
    pub fn with_user(self, user: User) -> Self {
        Self { client: self.client.map(|client| client.with_user(user)), ..self }
    }

    /// As [`crate::Client::with_trusted_server`].
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        Self { client: self.client.map(|client| client.with_trusted_server(trusted)), ..self }
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
    /// It is asked on the thread that calls; while a call inside a runtime of the caller's
    /// connects, on the one that it borrows for that. The key is derived on another thread then,
    /// which cannot be stopped: it goes on to its end, and the next call finds the key.
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
    pub fn names(&self) -> Result<Vec<EntryName>, Error> {
        Ok(names(&self.entries()?))
    }

    /// As [`crate::Client::status`].
    pub fn status(&self) -> Result<Status, Error> {
        block_on(self.interrupt.as_ref(), pin!(self.client.get().status()))
    }

    /// As [`crate::Client::remaining`].
    pub fn remaining(&self) -> Result<Duration, Error> {
        block_on(self.interrupt.as_ref(), pin!(self.client.get().remaining()))
    }

    /// As [`crate::Client::close_safe`].
    pub fn close_safe(&self) -> Result<(), Error> {
        block_on(self.interrupt.as_ref(), pin!(self.client.get().close_safe()))
    }

    /// As [`crate::Client::token`].
    #[must_use]
    pub fn token(&self) -> &Token {
        self.client.get().token()
    }

    /// As [`crate::Client::expose_credential`].
    pub fn expose_credential(&self) -> Result<Secret, Error> {
        self.client.get().expose_credential()
    }

    /// As [`crate::Client::passphrase_typo`].
    #[must_use]
    pub fn passphrase_typo(&self) -> Option<Typo> {
        self.client.get().passphrase_typo()
    }

    /// As [`crate::Client::entries`].
    pub fn entries(&self) -> Result<Entries, Error> {
        let client = self.client.get();
        let record = block_on(self.interrupt.as_ref(), pin!(client.fetch()))?;
        if let Some(opened) = client.open_at_once(&record) {
            return opened;
        }
        let open = client.opening(record);
        match &self.interrupt {
            Some(interrupt) => interrupt.compute(open)?,
            None => open(),
        }
    }
}

/// A safe's address, for what needs no passphrase: its status, and closing it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    endpoint: PerProcess<crate::Endpoint>,
    interrupt: Option<Interrupt>,
}

impl Endpoint {
    /// As [`crate::Endpoint::new`].
    #[must_use]
    pub fn new(url: BaseUrl) -> Self {
        Self { endpoint: PerProcess::new(crate::Endpoint::new(url).in_place()), interrupt: None }
    }

    /// As [`crate::Endpoint::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { endpoint: self.endpoint.map(|endpoint| endpoint.with_timeout(timeout)), ..self }
    }

    /// As [`crate::Endpoint::with_trusted_server`].
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        let endpoint = self.endpoint.map(|endpoint| endpoint.with_trusted_server(trusted));
        Self { endpoint, ..self }
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
        block_on(self.interrupt.as_ref(), pin!(self.endpoint.get().status()))
    }

    /// As [`crate::Endpoint::close_safe`].
    pub fn close_safe(&self, token: &Token) -> Result<(), Error> {
        block_on(self.interrupt.as_ref(), pin!(self.endpoint.get().close_safe(token)))
    }
}
