//! From a passphrase to a key, once, and from a key to the secrets, each time.
//!
//! Promises that the passphrase is wiped when its key has opened a record, that it is kept
//! until then, and that a record of another safe never makes the key derivation run again.
//! Knows nothing of where records come from; which thread may wait is its caller's to know.

use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};

use passsafe_core::{Entries, OpenError, Passphrase, RecordKey, SealedRecord, Secret, Typo, User};

use crate::error::Kind;
use crate::work_memory::work_memory;

/// Says in [`Opener::expose`] what follows.
const PASSPHRASE: u8 = b'p';
const KEY: u8 = b'k';

pub(crate) struct Opener {
    /// Locked for moments only.
    state: RwLock<State>,
    /// Held while a key is derived, so that threads do not derive it each for itself.
    deriving: Mutex<()>,
}

#[derive(Clone)]
enum State {
    Passphrase(Arc<Passphrase>),
    Key(Arc<RecordKey>),
    /// This process was forked while the state changed hands.
    Lost,
}

impl Opener {
    pub(crate) fn new(passphrase: Passphrase) -> Self {
        Self::with(State::Passphrase(Arc::new(passphrase)))
    }

    fn with(state: State) -> Self {
        Self { state: RwLock::new(state), deriving: Mutex::new(()) }
    }

    /// Takes back what [`Opener::expose`] gave.
    pub(crate) fn from_exposed(bytes: &[u8]) -> Result<Self, Kind> {
        let state = match bytes.split_first() {
            Some((&PASSPHRASE, typed)) => std::str::from_utf8(typed)
                .ok()
                .and_then(|typed| Passphrase::new(typed).ok())
                .map(|passphrase| State::Passphrase(Arc::new(passphrase))),
            Some((&KEY, key)) => RecordKey::from_exposed(key).map(|key| State::Key(Arc::new(key))),
            _ => None,
        };
        state.map(Self::with).ok_or(Kind::Exposed)
    }

    /// The passphrase, or the key once there is one, for another process.
    pub(crate) fn expose(&self) -> Result<Secret, Kind> {
        let tagged = |tag: u8, credential: &[u8]| {
            let mut bytes = Vec::with_capacity(1 + credential.len());
            bytes.push(tag);
            bytes.extend_from_slice(credential);
            Secret::from(bytes)
        };
        match self.state() {
            State::Passphrase(passphrase) => Ok(tagged(PASSPHRASE, passphrase.expose().as_bytes())),
            State::Key(key) => Ok(tagged(KEY, key.expose().expose())),
            State::Lost => Err(Kind::Lost),
        }
    }

    /// What was probably mistyped, as long as there is a passphrase.
    pub(crate) fn typo(&self) -> Option<Typo> {
        match self.state() {
            State::Passphrase(passphrase) => passphrase.typo(),
            State::Key(_) | State::Lost => None,
        }
    }

    /// Opens the record if that takes no key derivation and no waiting for another thread's.
    pub(crate) fn open_at_once(&self, record: &SealedRecord) -> Option<Result<Entries, Kind>> {
        match self.state() {
            State::Key(key) => Some(record.open(&key).map_err(Kind::Open)),
            State::Passphrase(_) => None,
            State::Lost => Some(Err(Kind::Lost)),
        }
    }

    /// Opens the record. The first time, this computes for a tenth of a second or more.
    pub(crate) fn open(&self, record: &SealedRecord, user: &User) -> Result<Entries, Kind> {
        // Whatever this guards is written in one step, so a panic elsewhere leaves it whole.
        let _one_at_a_time = self.deriving.lock().unwrap_or_else(PoisonError::into_inner);
        let passphrase = match self.state() {
            State::Key(key) => return record.open(&key).map_err(Kind::Open),
            State::Passphrase(passphrase) => passphrase,
            State::Lost => return Err(Kind::Lost),
        };
        let key = derive_key(record, &passphrase, user)?;
        let entries = record.open(&key).map_err(Kind::Open)?;
        let key = State::Key(Arc::new(key));
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(entries)
    }

    /// The same credential, for a forked child: with locks that no thread of the parent holds.
    ///
    /// Never waits, and leaves nothing behind here, so that the child can wipe what it has.
    pub(crate) fn inherit(&self) -> Self {
        Self::with(match self.state.try_write() {
            Ok(mut state) => std::mem::replace(&mut state, State::Lost),
            Err(TryLockError::Poisoned(state)) => {
                std::mem::replace(&mut state.into_inner(), State::Lost)
            }
            // Another thread of the parent was reading, or, for an instant in the life of a
            // client, writing.
            Err(TryLockError::WouldBlock) => match self.state.try_read() {
                Ok(state) => state.clone(),
                Err(_) => State::Lost,
            },
        })
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn derive_key(
    record: &SealedRecord,
    passphrase: &Passphrase,
    user: &User,
) -> Result<RecordKey, Kind> {
    let mut memory = work_memory(record.cost()).map_err(Kind::Memory)?;
    record.derive_key(passphrase, user, &mut memory).map_err(|error| match error {
        OpenError::WrongPassphrase => Kind::WrongPassphrase(user.clone()),
        OpenError::Kdf(error) => Kind::Memory(error),
        error => Kind::Open(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opener() -> Opener {
        Opener::new(Passphrase::new("zoom yo-yo").unwrap())
    }

    fn exposed(opener: &Opener) -> Vec<u8> {
        opener.expose().unwrap().expose().to_vec()
    }

    #[test]
    fn a_passphrase_survives_its_exposure() {
        let again = Opener::from_exposed(&exposed(&opener())).unwrap();
        assert_eq!(exposed(&again), b"pzoom yo-yo");
    }

    #[test]
    fn what_was_never_exposed_is_refused() {
        for bytes in [&b""[..], b"p", b"p \t", b"p\xff", b"k", b"k0123", b"x", b"zoom"] {
            assert!(matches!(Opener::from_exposed(bytes), Err(Kind::Exposed)), "{bytes:?}");
        }
    }

    #[test]
    fn a_child_inherits_the_credential_and_leaves_none_behind() {
        let parents = opener();
        let deriving = parents.deriving.lock();
        let childs = parents.inherit();
        assert_eq!(exposed(&childs), b"pzoom yo-yo");
        assert!(childs.deriving.try_lock().is_ok());
        assert!(matches!(parents.expose(), Err(Kind::Lost)));
        drop(deriving);
    }

    #[test]
    fn a_child_does_not_wait_for_a_thread_that_it_has_not() {
        let parents = opener();
        let reading = parents.state.read();
        assert_eq!(exposed(&parents.inherit()), b"pzoom yo-yo");
        drop(reading);
        let writing = parents.state.write();
        assert!(matches!(parents.inherit().expose(), Err(Kind::Lost)));
        drop(writing);
    }
}
