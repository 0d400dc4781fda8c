//! What a client opens a safe with, and reading what it holds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use passsafe_core::wire::{Code, State, Status};
use passsafe_core::{
    Entries, EntryName, KdfParameters, Passphrase, RecordKey, SealedRecord, Secret, SecretText,
    Token, User,
};

use crate::account::account_user;
use crate::error::{Error, Kind};
use crate::opener::Opener;

/// Token, user, and the passphrase or its key. A clone shares the key.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) token: Arc<Token>,
    pub(crate) user: User,
    pub(crate) opener: Arc<Opener>,
}

impl Credential {
    pub(crate) fn new(passphrase: Passphrase, token: Token) -> Result<Self, Error> {
        Ok(Self::of(Opener::new(passphrase), token, account_user()?))
    }

    pub(crate) fn parse(passphrase: &str, token: &str) -> Result<Self, Error> {
        let passphrase = Passphrase::new(passphrase).map_err(Kind::Passphrase)?;
        Self::new(passphrase, Token::parse(token).map_err(Kind::Token)?)
    }

    pub(crate) fn from_exposed(bytes: &[u8], token: Token, user: User) -> Result<Self, Error> {
        Ok(Self::of(Opener::from_exposed(bytes)?, token, user))
    }

    fn of(opener: Opener, token: Token, user: User) -> Self {
        Self { token: Arc::new(token), user, opener: Arc::new(opener) }
    }

    /// The same for a forked child; this one is of no use any more there.
    #[cfg(feature = "blocking")]
    pub(crate) fn inherited(&self) -> Self {
        let (token, user) = (Arc::clone(&self.token), self.user.clone());
        Self { token, user, opener: Arc::new(self.opener.inherit()) }
    }

    pub(crate) fn with_passphrase(self, passphrase: Passphrase) -> Self {
        Self { opener: Arc::new(Opener::new(passphrase)), ..self }
    }

    pub(crate) fn with_user(self, user: User) -> Self {
        Self { user, opener: Arc::new(self.opener.for_another_user()), ..self }
    }

    /// The key, once it has opened a record.
    pub(crate) fn key(&self) -> Result<Option<Arc<RecordKey>>, Error> {
        Ok(self.opener.key().transpose()?)
    }

    /// Derives the key for a safe with these parameters: for a thread that may compute.
    pub(crate) fn deriving(
        &self,
        parameters: KdfParameters,
    ) -> impl FnOnce() -> Result<Arc<RecordKey>, Error> + Send + 'static {
        let (opener, user) = (Arc::clone(&self.opener), self.user.clone());
        move || Ok(opener.derive(&parameters, &user)?)
    }

    /// Opens what a safe answered to the proof of this key.
    pub(crate) fn open(
        &self,
        fetched: Result<SealedRecord, Error>,
        key: &Arc<RecordKey>,
    ) -> Result<Entries, Error> {
        let record = fetched.map_err(|error| match error.into_kind() {
            Kind::WrongProof { proofs_left } => {
                self.opener.refused(key, proofs_left);
                Kind::WrongPassphrase { user: self.user.clone(), proofs_left }
            }
            kind => kind,
        })?;
        Ok(self.opener.open(&record, key, &self.user)?)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("user", &self.user).finish_non_exhaustive()
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

pub(crate) fn remaining(status: &Status) -> Result<Duration, Error> {
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
        let asked = |state| remaining(&Status::new(state, 1_450, 3, 10));
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
            Credential::parse(" \t", "936265").unwrap_err(),
            Credential::parse("zoom", "93626").unwrap_err(),
            entry_name("no name").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        }
    }
}
