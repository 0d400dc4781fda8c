//! The async client: an endpoint and a credential.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use passsafe_core::wire::Status;
use passsafe_core::{
    Entries, EntryName, Passphrase, RecordKey, Secret, SecretText, Token, Typo, User,
};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;

use crate::credential::{
    Credential, PASSWORD, copies, entry_name, entry_names, names, remaining, take, text,
};
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind};
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// Opens one safe, as often as needed until it is over.
///
/// Needs a Tokio runtime with I/O and time enabled, any one at each call. Deriving the key,
/// at the first success, happens on the runtime's blocking threads. A clone shares the key,
/// and has a connection of its own.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
    credential: Credential,
    /// Held from the derivation of the key until a safe has judged its proof, so that calls at
    /// the same time neither derive it each for itself nor use up a try each.
    turn: Arc<Mutex<()>>,
}

impl Client {
    /// A client for the safe at `http://localhost:8051`, opened as the account that this
    /// program runs as. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::System`](crate::ErrorKind::System) where the system has no name for that
    /// account, which is so on no Unix.
    pub fn new(passphrase: Passphrase, token: Token) -> Result<Self, Error> {
        Ok(Self::of(Credential::new(passphrase, token)?))
    }

    /// As [`Client::new`], of what a person types: white space and capital letters in the
    /// passphrase do not matter, nor do spaces and hyphens in the token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for an empty passphrase or a token that
    /// is not six digits, and those of [`Client::new`].
    pub fn parse(passphrase: &str, token: &str) -> Result<Self, Error> {
        Ok(Self::of(Credential::parse(passphrase, token)?))
    }

    /// A client with what [`Client::expose_credential`] gave of another, in place of a
    /// passphrase, and with that one's user. All else is as [`Client::new`] makes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `credential` is something else.
    pub fn from_exposed(credential: &[u8], token: Token, user: User) -> Result<Self, Error> {
        Ok(Self::of(Credential::from_exposed(credential, token, user)?))
    }

    fn of(credential: Credential) -> Self {
        let endpoint = Endpoint::new(BaseUrl::default());
        Self { endpoint, credential, turn: Arc::default() }
    }

    /// Sets where the safe is.
    #[must_use]
    pub fn with_url(self, url: BaseUrl) -> Self {
        Self { endpoint: self.endpoint.with_url(url), ..self }
    }

    /// Sets the user that the safe was sealed for, where that is another account's name than
    /// this program's: in containers and on remote workers.
    #[must_use]
    pub fn with_user(self, user: User) -> Self {
        Self { credential: self.credential.with_user(user), turn: Arc::default(), ..self }
    }

    /// Takes another passphrase and keeps everything else: for one that was typed again.
    #[must_use]
    pub fn with_passphrase(self, passphrase: Passphrase) -> Self {
        let credential = self.credential.with_passphrase(passphrase);
        Self { credential, turn: Arc::default(), ..self }
    }

    /// Sets which account may serve the safe. To a listener of any other account nothing is
    /// sent.
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        Self { endpoint: self.endpoint.with_trusted_server(trusted), ..self }
    }

    /// Sets the longest time from connecting to the last byte of an answer. Five seconds
    /// unless set; deriving the key is not counted.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        let endpoint = self.endpoint.with_timeout(timeout);
        Self { endpoint, ..self }
    }

    /// Has `tell` called when a call begins to wait for the owner of the safe, who wants to be
    /// asked: it may take a minute, and somebody should know where to look.
    #[must_use]
    pub fn with_waiting(self, tell: impl Fn() + Send + Sync + 'static) -> Self {
        let endpoint = self.endpoint.with_waiting(tell);
        Self { endpoint, ..self }
    }

    /// The secret named `password`, which is what a safe holds unless it was given others.
    pub async fn password(&self) -> Result<SecretText, Error> {
        self.secret(PASSWORD).await
    }

    /// A secret that is text.
    pub async fn secret(&self, name: &str) -> Result<SecretText, Error> {
        text(self.secret_bytes(name).await?)
    }

    /// A secret of any bytes.
    pub async fn secret_bytes(&self, name: &str) -> Result<Secret, Error> {
        let name = entry_name(name)?;
        take(self.entries().await?, name)
    }

    /// Several secrets of any bytes, fetched at one moment, in the order of `names`.
    pub async fn secrets(&self, names: &[&str]) -> Result<Vec<Secret>, Error> {
        let names = entry_names(names)?;
        copies(&self.entries().await?, names)
    }

    /// The names of all secrets in the safe, ascending by byte.
    pub async fn names(&self) -> Result<Vec<EntryName>, Error> {
        Ok(names(&self.entries().await?))
    }

    /// Where the safe is in its life. No token is sent.
    pub async fn status(&self) -> Result<Status, Error> {
        self.endpoint.status().await
    }

    /// How long the safe will live, in whole seconds; an error if it is over. No token is
    /// sent.
    pub async fn remaining(&self) -> Result<Duration, Error> {
        remaining(&self.status().await?)
    }

    /// Closes the safe for good, for everyone.
    pub async fn close_safe(&self) -> Result<(), Error> {
        self.endpoint.close_safe(&self.credential.token).await
    }

    /// The token that this client asks with.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.credential.token
    }

    /// What opens the safe, for a client in another process: the passphrase, and once the safe
    /// was opened its key alone.
    ///
    /// With the token, and as long as the safe is open, worth as much as what is in it. To be
    /// read by the same version of this crate, and never stored.
    pub fn expose_credential(&self) -> Result<Secret, Error> {
        Ok(self.credential.opener.expose()?)
    }

    /// What was probably mistyped in the passphrase, after
    /// [`ErrorKind::WrongPassphrase`](crate::ErrorKind::WrongPassphrase).
    ///
    /// It may name one word of the true passphrase, so show it to nobody but who typed it.
    #[must_use]
    pub fn passphrase_typo(&self) -> Option<Typo> {
        self.credential.opener.typo()
    }

    /// All secrets and their names, fetched at one moment.
    pub async fn entries(&self) -> Result<Entries, Error> {
        if let Some(key) = self.credential.key()? {
            return self.fetch(&key, None).await;
        }
        let parameters = self.endpoint.parameters(&self.credential.token).await?;
        let turn = self.turn.lock().await;
        if let Some(key) = self.credential.key()? {
            drop(turn);
            return self.fetch(&key, None).await;
        }
        let key = match spawn_blocking(self.credential.deriving(parameters)).await {
            Ok(derived) => derived?,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => return Err(Kind::System(cancelled.into()).into()),
            },
        };
        self.fetch(&key, Some(turn)).await
    }

    async fn fetch(
        &self,
        key: &Arc<RecordKey>,
        mut turn: Option<MutexGuard<'_, ()>>,
    ) -> Result<Entries, Error> {
        let judged = || drop(turn.take());
        let fetched = self.endpoint.fetch(&self.credential.token, key.proof(), judged).await;
        self.credential.open(fetched, key)
    }

    /// How often the record may still be fetched, by anyone, as the safe said with the last one;
    /// `None` where that is not limited, and before the first.
    #[must_use]
    pub fn uses_left(&self) -> Option<u32> {
        self.endpoint.uses_left()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("user", &self.credential.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_shared_and_shows_no_credential() {
        fn shared<T: Send + Sync + 'static>(_: &T) {}
        let client = Client::parse("zoom zoom", "936265").unwrap();
        let client = client.with_user(User::new("ana").unwrap());
        shared(&client);
        for client in [&client, &client.clone()] {
            assert_eq!(
                format!("{client:?}"),
                "Client { endpoint: Endpoint { url: BaseUrl(http://localhost:8051), .. }, \
                 user: User(ana), .. }"
            );
        }
    }
}
