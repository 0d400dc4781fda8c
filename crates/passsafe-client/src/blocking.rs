//! The same client for programs without an async runtime, and for those with one that wait
//! all the same.
//!
//! A call waits where it reads, on the thread that makes it. To connect, it borrows a thread,
//! which outlives the call only if that was given up, and not for longer than its time limit.
//! Inside an async runtime a call blocks the task that makes it, as any blocking call does. The
//! key is derived on the calling thread, unless the client can be interrupted
//! ([`Client::with_interrupt`]).
//!
//! A client may be made before a `fork` and used after it, in parent and child, whatever other
//! threads were doing with it at that moment: a child makes a connection of its own at its first
//! call, and leaves the parent's alone.

mod process;
mod site;

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use passsafe_core::wire::Status;
use passsafe_core::{
    Entries, EntryName, Passphrase, RecordKey, Secret, SecretText, Token, Typo, User,
};

use self::process::{Inherit, PerProcess};
use self::site::Site;
use crate::credential::{
    Credential, PASSWORD, copies, entry_name, entry_names, names, remaining, take, text,
};
use crate::error::{Cause, Error};
use crate::interrupt::{BEAT, Interrupt, ask, on_a_thread};
use crate::target::{DEFAULT_TIMEOUT, Target, lock};
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// Opens one safe, as often as needed until it is over. Threads may share it; a clone shares
/// the key, and has a connection of its own.
#[derive(Debug, Clone)]
pub struct Client {
    client: PerProcess<Inner>,
    interrupt: Option<Interrupt>,
}

#[derive(Debug, Clone)]
struct Inner {
    site: Site,
    credential: Credential,
    /// Held from the derivation of the key until a safe has judged its proof, so that threads
    /// neither derive it each for itself nor use up a try each.
    turn: Arc<Mutex<()>>,
}

impl Inherit for Inner {
    fn inherit(&self) -> Self {
        let (site, credential) = (self.site.inherit(), self.credential.inherited());
        Self { site, credential, turn: Arc::default() }
    }
}

impl Client {
    /// As [`crate::Client::new`].
    pub fn new(passphrase: Passphrase, token: Token) -> Result<Self, Error> {
        Ok(Self::of(Credential::new(passphrase, token)?))
    }

    /// As [`crate::Client::parse`].
    pub fn parse(passphrase: &str, token: &str) -> Result<Self, Error> {
        Ok(Self::of(Credential::parse(passphrase, token)?))
    }

    /// As [`crate::Client::from_exposed`].
    pub fn from_exposed(credential: &[u8], token: Token, user: User) -> Result<Self, Error> {
        Ok(Self::of(Credential::from_exposed(credential, token, user)?))
    }

    fn of(credential: Credential) -> Self {
        let site = Site::new(BaseUrl::default());
        Self {
            client: PerProcess::new(Inner { site, credential, turn: Arc::default() }),
            interrupt: None,
        }
    }

    fn with_target(self, change: impl FnOnce(Target) -> Target) -> Self {
        let change = |inner: Inner| Inner { site: inner.site.map(change), ..inner };
        Self { client: self.client.map(change), ..self }
    }

    /// As [`crate::Client::with_url`].
    #[must_use]
    pub fn with_url(self, url: BaseUrl) -> Self {
        self.with_target(|target| target.with_url(url))
    }

    /// As [`crate::Client::with_user`].
    #[must_use]
    pub fn with_user(self, user: User) -> Self {
        self.with_credential(|credential| credential.with_user(user))
    }

    /// Takes another passphrase and keeps everything else: for one that was typed again.
    #[must_use]
    pub fn with_passphrase(self, passphrase: Passphrase) -> Self {
        self.with_credential(|credential| credential.with_passphrase(passphrase))
    }

    fn with_credential(self, change: impl FnOnce(Credential) -> Credential) -> Self {
        let change = |inner: Inner| Inner {
            credential: change(inner.credential),
            turn: Arc::default(),
            ..inner
        };
        Self { client: self.client.map(change), ..self }
    }

    /// As [`crate::Client::with_trusted_server`].
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        self.with_target(|target| target.with_trusted_server(trusted))
    }

    /// As [`crate::Client::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with_target(|target| target.with_timeout(timeout))
    }

    /// Has every call ask `interrupt` about twenty times a second while it waits. Its error
    /// ends the call at once and is the source of the call's, whose kind is
    /// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
    ///
    /// It is asked on the thread that calls. The key is derived on another thread then, which
    /// cannot be stopped: it goes on to its end, and the next call finds the key.
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
        self.with_target(|target| target.with_waiting(tell))
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
        self.client.get().site.status(self.interrupt.as_ref())
    }

    /// As [`crate::Client::remaining`].
    pub fn remaining(&self) -> Result<Duration, Error> {
        remaining(&self.status()?)
    }

    /// As [`crate::Client::close_safe`].
    pub fn close_safe(&self) -> Result<(), Error> {
        let Inner { site, credential, .. } = self.client.get();
        site.close_safe(&credential.token, self.interrupt.as_ref())
    }

    /// As [`crate::Client::token`].
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.client.get().credential.token
    }

    /// As [`crate::Client::expose_credential`].
    pub fn expose_credential(&self) -> Result<Secret, Error> {
        Ok(self.client.get().credential.opener.expose()?)
    }

    /// As [`crate::Client::passphrase_typo`].
    #[must_use]
    pub fn passphrase_typo(&self) -> Option<Typo> {
        self.client.get().credential.opener.typo()
    }

    /// As [`crate::Client::entries`].
    pub fn entries(&self) -> Result<Entries, Error> {
        let Inner { site, credential, turn } = self.client.get();
        let interrupt = self.interrupt.as_ref();
        let fetch = |key: &Arc<RecordKey>, mut turn: Option<MutexGuard<'_, ()>>| {
            let judged = || drop(turn.take());
            credential.open(site.fetch(&credential.token, key.proof(), interrupt, judged), key)
        };
        if let Some(key) = credential.key()? {
            return fetch(&key, None);
        }
        let parameters = site.parameters(&credential.token, interrupt)?;
        let turn = wait_for(turn, interrupt)?;
        if let Some(key) = credential.key()? {
            drop(turn);
            return fetch(&key, None);
        }
        let derive = credential.deriving(parameters);
        let key = match interrupt {
            Some(_) => on_a_thread(derive, || ask(interrupt))??,
            None => derive()?,
        };
        fetch(&key, Some(turn))
    }

    /// How often the record may still be fetched, by anyone, as the safe said with the last one;
    /// `None` where that is not limited, and before the first.
    #[must_use]
    pub fn uses_left(&self) -> Option<u32> {
        self.client.get().site.uses_left()
    }
}

/// Takes a lock that another thread may hold for as long as a key derivation and an exchange.
fn wait_for<'a>(
    turn: &'a Mutex<()>,
    interrupt: Option<&Interrupt>,
) -> Result<MutexGuard<'a, ()>, Error> {
    if interrupt.is_none() {
        return Ok(lock(turn));
    }
    loop {
        match turn.try_lock() {
            Ok(turn) => return Ok(turn),
            Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => {
                ask(interrupt)?;
                thread::sleep(BEAT);
            }
        }
    }
}

/// A safe's address, for what needs no passphrase: its status, and closing it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    site: PerProcess<Site>,
    interrupt: Option<Interrupt>,
}

impl Endpoint {
    /// Longest time from connecting to the last byte of an answer, unless set otherwise.
    pub const DEFAULT_TIMEOUT: Duration = DEFAULT_TIMEOUT;

    /// As [`crate::Endpoint::new`].
    #[must_use]
    pub fn new(url: BaseUrl) -> Self {
        Self { site: PerProcess::new(Site::new(url)), interrupt: None }
    }

    /// As [`crate::Endpoint::with_timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        let change = |target: Target| target.with_timeout(timeout);
        Self { site: self.site.map(|site| site.map(change)), ..self }
    }

    /// As [`crate::Endpoint::with_trusted_server`].
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        let change = |target: Target| target.with_trusted_server(trusted);
        Self { site: self.site.map(|site| site.map(change)), ..self }
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
        self.site.get().status(self.interrupt.as_ref())
    }

    /// As [`crate::Endpoint::close_safe`].
    pub fn close_safe(&self, token: &Token) -> Result<(), Error> {
        self.site.get().close_safe(token, self.interrupt.as_ref())
    }
}
