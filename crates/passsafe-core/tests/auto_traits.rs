//! That what programs hand from thread to thread can be handed on: the compiler infers it from
//! private fields, so nothing else would notice a change.

use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Moment, OpenError, Passphrase, Proof,
    RecordError, RecordKey, SealError, SealedRecord, Secret, SecretText, Seed, Token, User,
    WorkMemory, wire,
};

fn is_shared_between_threads<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn everything_is_shared_between_threads() {
    is_shared_between_threads::<Cost>();
    is_shared_between_threads::<Deadline>();
    is_shared_between_threads::<Entries>();
    is_shared_between_threads::<EntryName>();
    is_shared_between_threads::<Lifetime>();
    is_shared_between_threads::<Moment>();
    is_shared_between_threads::<OpenError>();
    is_shared_between_threads::<Passphrase>();
    is_shared_between_threads::<Proof>();
    is_shared_between_threads::<RecordError>();
    is_shared_between_threads::<RecordKey>();
    is_shared_between_threads::<SealError>();
    is_shared_between_threads::<SealedRecord>();
    is_shared_between_threads::<Secret>();
    is_shared_between_threads::<SecretText>();
    is_shared_between_threads::<Seed>();
    is_shared_between_threads::<Token>();
    is_shared_between_threads::<User>();
    is_shared_between_threads::<WorkMemory>();
    is_shared_between_threads::<wire::Problem>();
    is_shared_between_threads::<wire::Status>();
}
