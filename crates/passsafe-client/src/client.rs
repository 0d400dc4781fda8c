//! The async client: an endpoint, a token, and an opener.
//!
//! Fetching and opening are separate steps, because the blocking client shares both and
//! runs the second one elsewhere.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use passsafe_core::wire::{Code, State, Status};
use passsafe_core::{
    Entries, EntryName, Passphrase, SealedRecord, Secret, SecretText, Token, Typo, User,
};
use tokio::task::spawn_blocking;

use crate::account::account_user;
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind};
use crate::opener::Opener;
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
    token: Arc<Token>,
    user: User,
    opener: Arc<Opener>,
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
        Ok(Self::of(Opener::new(passphrase), token, account_user()?))
    }

    /// As [`Client::new`], of what a person types: white space and capital letters in the
    /// passphrase do not matter, nor do spaces and hyphens in the token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for an empty passphrase or a token that
    /// is not six digits, and those of [`Client::new`].
    pub fn parse(passphrase: &str, token: &str) -> Result<Self, Error> {
        let passphrase = Passphrase::new(passphrase).map_err(Kind::Passphrase)?;
        Self::new(passphrase, Token::parse(token).map_err(Kind::Token)?)
    }

    /// A client with what [`Client::expose_credential`] gave of another, in place of a
    /// passphrase, and with that one's user. All else is as [`Client::new`] makes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `credential` is something else.
    pub fn from_exposed(credential: &[u8], token: Token, user: User) -> Result<Self, Error> {
        Ok(Self::of(Opener::from_exposed(credential)?, token, user))
    }

    fn of(opener: Opener, token: Token, user: User) -> Self {
        Self {
            endpoint: Endpoint::new(BaseUrl::default()),
            token: Arc::new(token),
            user,
            opener: Arc::new(opener),
        }
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
        Self { user, ..self }
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
        self.endpoint.close_safe(&self.token).await
    }

    /// The token that this client asks with.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// What opens the safe, for a client in another process: the passphrase, and once the safe
    /// was opened its key alone.
    ///
    /// With the token, and as long as the safe is open, worth as much as what is in it. To be
    /// read by the same version of this crate, and never stored.
    pub fn expose_credential(&self) -> Result<Secret, Error> {
        Ok(self.opener.expose()?)
    }

    /// What was probably mistyped in the passphrase, after
    /// [`ErrorKind::WrongPassphrase`](crate::ErrorKind::WrongPassphrase).
    ///
    /// It may name one word of the true passphrase, so show it to nobody but who typed it.
    #[must_use]
    pub fn passphrase_typo(&self) -> Option<Typo> {
        self.opener.typo()
    }

    /// All secrets and their names, fetched at one moment.
    pub async fn entries(&self) -> Result<Entries, Error> {
        let record = self.fetch().await?;
        if let Some(opened) = self.open_at_once(&record) {
            return opened;
        }
        match spawn_blocking(self.opening(record)).await {
            Ok(opened) => opened,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => Err(Kind::System(cancelled.into()).into()),
            },
        }
    }

    /// The first half of every opening: asks the safe.
    pub(crate) async fn fetch(&self) -> Result<SealedRecord, Error> {
        Ok(self.endpoint.fetch(&self.token).await?.record)
    }

    /// The second half, if it takes no time.
    pub(crate) fn open_at_once(&self, record: &SealedRecord) -> Option<Result<Entries, Error>> {
        Some(self.opener.open_at_once(record)?.map_err(Error::from))
    }

    /// The second half, for a thread that may compute.
    pub(crate) fn opening(
        &self,
        record: SealedRecord,
    ) -> impl FnOnce() -> Result<Entries, Error> + Send + 'static {
        let (opener, user) = (Arc::clone(&self.opener), self.user.clone());
        move || Ok(opener.open(&record, &user)?)
    }

    /// The same, whose calls wait in place.
    pub(crate) fn in_place(self) -> Self {
        Self { endpoint: self.endpoint.in_place(), ..self }
    }

    /// The same for a forked child; this one is of no use any more there.
    pub(crate) fn inherited(&self) -> Self {
        Self {
            endpoint: self.endpoint.inherited(),
            token: Arc::clone(&self.token),
            user: self.user.clone(),
            opener: Arc::new(self.opener.inherit()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// [`EntryName::password`]
pub(crate) const PASSWORD: &str = "password";

pub(crate) fn entry_name(name: &str) -> Result<EntryName, Error> {
    Ok(EntryName::new(name).map_err(Kind::EntryName)?)
}

pub(crate) fn entry_names(names: &[&str]) -> Result<Vec<EntryName>, Error> {
    names.iter().map(|name| entry_name(name)).collect()
}

/// The same name may be asked for more than once.
pub(crate) fn copies(entries: &Entries, names: Vec<EntryName>) -> Result<Vec<Secret>, Error> {
    let copy = |name| match entries.get(&name) {
        Some(secret) => Ok(Secret::from(secret.expose().to_vec())),
        None => Err(Kind::UnknownEntry(name).into()),
    };
    names.into_iter().map(copy).collect()
}

pub(crate) fn take(mut entries: Entries, name: EntryName) -> Result<Secret, Error> {
    Ok(entries.take(&name).ok_or(Kind::UnknownEntry(name))?)
}

pub(crate) fn text(secret: Secret) -> Result<SecretText, Error> {
    Ok(secret.into_text().map_err(Kind::NotText)?)
}

pub(crate) fn names(entries: &Entries) -> Vec<EntryName> {
    entries.names().cloned().collect()
}

fn remaining(status: &Status) -> Result<Duration, Error> {
    let over = match status.state {
        State::Open => return Ok(Duration::from_secs(status.expires_in_seconds)),
        State::Locked => Code::Locked,
        State::Spent => Code::Spent,
        State::Expired => Code::Expired,
        State::Closed => Code::Closed,
        _ => Code::Unknown,
    };
    Err(Kind::Refused(over).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn only_an_open_safe_has_time_left() {
        let asked = |state| remaining(&Status::new(state, 1_450, 3));
        assert_eq!(asked(State::Open).unwrap(), Duration::from_secs(1_450));
        for (state, kind) in [
            (State::Locked, ErrorKind::Locked),
            (State::Spent, ErrorKind::Spent),
            (State::Expired, ErrorKind::Expired),
            (State::Closed, ErrorKind::Closed),
            (State::Unknown, ErrorKind::Refused),
        ] {
            assert_eq!(asked(state).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn the_name_of_the_password_is_cores() {
        assert_eq!(EntryName::password().as_str(), PASSWORD);
    }

    #[test]
    fn nonsense_is_refused_before_anything_is_sent() {
        for error in [
            Client::parse(" \t", "936265").unwrap_err(),
            Client::parse("zoom", "93626").unwrap_err(),
            entry_name("no name").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        }
    }

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
