//! From a passphrase to a key, once, and from a key to the secrets, each time.
//!
//! Promises that the passphrase is wiped when its key has opened a record, that it is kept
//! until then, and that a record of another safe never makes the key derivation run again.
//! Knows nothing of where records come from; which thread may wait is its caller's to know.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use passsafe_core::{Entries, OpenError, Passphrase, RecordKey, SealedRecord, User, WorkMemory};

use crate::error::Kind;

pub(crate) struct Opener(Mutex<State>);

enum State {
    Passphrase(Passphrase),
    Key(RecordKey),
}

impl Opener {
    pub(crate) fn new(passphrase: Passphrase) -> Self {
        Self(Mutex::new(State::Passphrase(passphrase)))
    }

    /// Opens the record if that takes no key derivation and no waiting for another thread's.
    pub(crate) fn open_at_once(&self, record: &SealedRecord) -> Option<Result<Entries, Kind>> {
        let state = match self.0.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        match &*state {
            State::Key(key) => Some(record.open(key).map_err(Kind::Open)),
            State::Passphrase(_) => None,
        }
    }

    /// Opens the record. The first time, this computes for a tenth of a second or more.
    pub(crate) fn open(&self, record: &SealedRecord, user: &User) -> Result<Entries, Kind> {
        let mut state = self.lock();
        let passphrase = match &*state {
            State::Key(key) => return record.open(key).map_err(Kind::Open),
            State::Passphrase(passphrase) => passphrase,
        };
        let key = derive_key(record, passphrase, user)?;
        let entries = record.open(&key).map_err(Kind::Open)?;
        *state = State::Key(key);
        Ok(entries)
    }

    /// The state changes in one step, so a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn derive_key(
    record: &SealedRecord,
    passphrase: &Passphrase,
    user: &User,
) -> Result<RecordKey, Kind> {
    let mut memory = WorkMemory::for_cost(record.cost()).map_err(Kind::Memory)?;
    record.derive_key(passphrase, user, &mut memory).map_err(|error| match error {
        OpenError::WrongPassphrase => Kind::WrongPassphrase(user.clone()),
        OpenError::Kdf(error) => Kind::Memory(error),
        error => Kind::Open(error),
    })
}
