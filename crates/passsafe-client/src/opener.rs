//! From a passphrase to a key, once, and from a key to the secrets, each time.
//!
//! Promises that the passphrase is wiped when its key has opened a record, that it is kept
//! until then, that a record of another safe never makes the key derivation run again, and that
//! a passphrase that a safe has refused is not tried there again: ten of those lock it.
//! Knows nothing of where records come from; which thread may wait is its caller's to know.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use passsafe_core::{
    Entries, KdfParameters, OpenError, Passphrase, RecordKey, SealedRecord, Secret, Typo, User,
};

use crate::error::Kind;
use crate::work_memory::work_memory;

/// Says in [`Opener::expose`] what follows.
const PASSPHRASE: u8 = b'p';
const KEY: u8 = b'k';

pub(crate) struct Opener {
    /// Locked for moments only.
    state: RwLock<State>,
}

#[derive(Clone)]
enum State {
    Passphrase(Arc<Passphrase>, Derived),
    /// A key that has opened a record.
    Key(Arc<RecordKey>),
    /// This process was forked while the state changed hands.
    #[cfg_attr(
        not(feature = "blocking"),
        expect(dead_code, reason = "only the blocking client may be forked")
    )]
    Lost,
}

/// What came of the passphrase last.
#[derive(Clone)]
enum Derived {
    Nothing,
    /// A key that no safe has judged.
    Unjudged(Arc<RecordKey>),
    /// A safe with these parameters refused its proof, and said how many may still come.
    Refused(KdfParameters, Option<u8>),
}

impl Opener {
    pub(crate) fn new(passphrase: Passphrase) -> Self {
        Self::with(State::of(passphrase))
    }

    fn with(state: State) -> Self {
        Self { state: RwLock::new(state) }
    }

    /// The same credential, for another user: what was derived for this one is forgotten.
    pub(crate) fn for_another_user(&self) -> Self {
        Self::with(match self.state() {
            State::Passphrase(passphrase, _) => State::Passphrase(passphrase, Derived::Nothing),
            state => state,
        })
    }

    /// Takes back what [`Opener::expose`] gave.
    pub(crate) fn from_exposed(bytes: &[u8]) -> Result<Self, Kind> {
        let state = match bytes.split_first() {
            Some((&PASSPHRASE, typed)) => std::str::from_utf8(typed)
                .ok()
                .and_then(|typed| Passphrase::new(typed).ok())
                .map(State::of),
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
            State::Passphrase(passphrase, _) => {
                Ok(tagged(PASSPHRASE, passphrase.expose().as_bytes()))
            }
            State::Key(key) => Ok(tagged(KEY, key.expose().expose())),
            State::Lost => Err(Kind::Lost),
        }
    }

    /// What was probably mistyped, as long as there is a passphrase.
    pub(crate) fn typo(&self) -> Option<Typo> {
        match self.state() {
            State::Passphrase(passphrase, _) => passphrase.typo(),
            State::Key(_) | State::Lost => None,
        }
    }

    /// The key that has opened this safe before. Nothing as long as there is a passphrase.
    pub(crate) fn key(&self) -> Option<Result<Arc<RecordKey>, Kind>> {
        match self.state() {
            State::Key(key) => Some(Ok(key)),
            State::Passphrase(..) => None,
            State::Lost => Some(Err(Kind::Lost)),
        }
    }

    /// The key for a safe with these parameters. The first time, this computes for a tenth of a
    /// second or more.
    pub(crate) fn derive(
        &self,
        parameters: &KdfParameters,
        user: &User,
    ) -> Result<Arc<RecordKey>, Kind> {
        let passphrase = match self.state() {
            State::Key(key) if key.parameters() == parameters => return Ok(key),
            State::Key(_) => return Err(Kind::Open(OpenError::OtherSafe)),
            State::Lost => return Err(Kind::Lost),
            State::Passphrase(_, Derived::Unjudged(key)) if key.parameters() == parameters => {
                return Ok(key);
            }
            State::Passphrase(_, Derived::Refused(refused, proofs_left))
                if refused == *parameters =>
            {
                return Err(Kind::WrongPassphrase { user: user.clone(), proofs_left });
            }
            State::Passphrase(passphrase, _) => passphrase,
        };
        let mut memory = work_memory(parameters.cost()).map_err(Kind::Memory)?;
        let key = parameters.derive(&passphrase, user, &mut memory).map_err(Kind::Memory)?;
        let key = Arc::new(key);
        self.derived(Derived::Unjudged(Arc::clone(&key)));
        Ok(key)
    }

    /// Notes that the safe which this key was derived for refused its proof.
    pub(crate) fn refused(&self, key: &RecordKey, proofs_left: Option<u8>) {
        self.derived(Derived::Refused(key.parameters().clone(), proofs_left));
    }

    /// Opens a record, and keeps the key in place of the passphrase if it does.
    pub(crate) fn open(
        &self,
        record: &SealedRecord,
        key: &Arc<RecordKey>,
        user: &User,
    ) -> Result<Entries, Kind> {
        let is_proven = matches!(self.state(), State::Key(_));
        match record.open(key) {
            Ok(entries) => {
                if !is_proven {
                    *self.writable() = State::Key(Arc::clone(key));
                }
                Ok(entries)
            }
            // The safe took the proof, and hands out what the passphrase does not open.
            Err(OpenError::WrongPassphrase) if !is_proven => {
                Err(Kind::WrongPassphrase { user: user.clone(), proofs_left: None })
            }
            Err(OpenError::WrongPassphrase) => Err(Kind::Open(OpenError::Damaged)),
            Err(error) => Err(Kind::Open(error)),
        }
    }

    /// Changes what came of the passphrase, as long as there is one.
    fn derived(&self, now: Derived) {
        if let State::Passphrase(_, derived) = &mut *self.writable() {
            *derived = now;
        }
    }

    /// The same credential, for a forked child: with locks that no thread of the parent holds.
    ///
    /// Never waits, and leaves nothing behind here, so that the child can wipe what it has.
    #[cfg(feature = "blocking")]
    pub(crate) fn inherit(&self) -> Self {
        use std::sync::TryLockError;
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

    /// It is written in one step, so a panic elsewhere leaves it whole.
    fn writable(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(passphrase: Passphrase) -> Self {
        Self::Passphrase(Arc::new(passphrase), Derived::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use passsafe_core::{Cost, EntryName};

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

    #[cfg(feature = "blocking")]
    #[test]
    fn a_child_inherits_the_credential_and_leaves_none_behind() {
        let parents = opener();
        let childs = parents.inherit();
        assert_eq!(exposed(&childs), b"pzoom yo-yo");
        assert!(matches!(parents.expose(), Err(Kind::Lost)));
    }

    #[cfg(feature = "blocking")]
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

    #[test]
    fn a_refused_passphrase_is_not_tried_at_the_same_safe_again() {
        let opener = opener();
        let (ana, bob) = (User::new("ana").unwrap(), User::new("bob").unwrap());
        let [here, elsewhere] = [1, 2].map(parameters);
        let key = opener.derive(&here, &ana).unwrap();
        assert!(Arc::ptr_eq(&key, &opener.derive(&here, &ana).unwrap()), "it is derived once");
        opener.refused(&key, Some(9));
        let Err(Kind::WrongPassphrase { proofs_left, .. }) = opener.derive(&here, &ana) else {
            panic!("it was refused");
        };
        assert_eq!(proofs_left, Some(9));
        assert!(opener.for_another_user().derive(&here, &bob).is_ok());
        assert!(opener.derive(&elsewhere, &ana).is_ok());
    }

    /// Parameters of the least cost, whose salt is all this byte.
    fn parameters(salt: u8) -> KdfParameters {
        let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
        let mut random = |out: &mut [u8]| {
            out.fill(salt);
            Ok(())
        };
        let entries = Entries::new([(EntryName::password(), Secret::from("x"))]).unwrap();
        let (passphrase, user) = (Passphrase::new("zoom").unwrap(), User::new("ana").unwrap());
        let mut memory = work_memory(cost).unwrap();
        let sealed =
            SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory);
        sealed.unwrap().record.parameters().clone()
    }
}
