//! A safe and a clock that the tests move by hand.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests seal what they serve, and open it"
)]

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Moment, Passphrase, Proof, RecordKey, Sealed,
    SealedRecord, Secret, Token, User, WorkMemory,
};

use crate::clock::Clock;
use crate::safe::Safe;

/// The token of [`safe`].
pub(crate) const RIGHT: u32 = 936_265;

pub(crate) fn token(number: u32) -> Token {
    Token::from_integer(number).unwrap()
}

/// An open safe with 60 minutes to live, and its clock.
pub(crate) fn safe() -> (Safe, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
    (Safe::new(sealed(), token(RIGHT), deadline, clock.clone()), clock)
}

/// What [`safe`] hands out.
pub(crate) fn record() -> SealedRecord {
    sealed().record.clone()
}

/// The proof of [`safe`].
pub(crate) fn proof() -> &'static Proof {
    shared().1.proof()
}

/// A proof that is not that of [`safe`].
pub(crate) fn wrong_proof() -> Proof {
    Proof::copied(&[7; Proof::LEN])
}

fn sealed() -> &'static Sealed {
    &shared().0
}

/// Each costs a key derivation, so all tests share them.
fn shared() -> &'static (Sealed, RecordKey) {
    static SHARED: OnceLock<(Sealed, RecordKey)> = OnceLock::new();
    SHARED.get_or_init(seal)
}

fn seal() -> (Sealed, RecordKey) {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    let entries = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))]).unwrap();
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let (passphrase, user) = (Passphrase::new("zoom").unwrap(), User::new("ana").unwrap());
    let mut memory = WorkMemory::for_cost(cost).unwrap();
    let sealed =
        SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory).unwrap();
    let key = sealed.record.derive_key(&passphrase, &user, &mut memory).unwrap();
    (sealed, key)
}

pub(crate) struct ManualClock(Mutex<Moment>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        let seconds = Duration::from_secs;
        Self(Mutex::new(Moment { boot: seconds(50_000), wall: seconds(1_800_000_000) }))
    }

    pub(crate) fn set(&self, moment: Moment) {
        *self.0.lock().unwrap() = moment;
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.advance_boot(by);
        self.advance_wall(by);
    }

    pub(crate) fn advance_boot(&self, by: Duration) {
        self.0.lock().unwrap().boot += by;
    }

    pub(crate) fn advance_wall(&self, by: Duration) {
        self.0.lock().unwrap().wall += by;
    }

    pub(crate) fn set_wall_back(&self, by: Duration) {
        self.0.lock().unwrap().wall -= by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}
