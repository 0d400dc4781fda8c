//! What the tests serve.

use passsafe_core::{Cost, Entries, EntryName, Passphrase, SealedRecord, Secret, User, WorkMemory};

/// A record at the least cost, sealed under `zoom` for `ana`.
pub(crate) fn seal(secret: impl Into<Secret>) -> SealedRecord {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    let entries = Entries::new([(EntryName::password(), secret.into())]).unwrap();
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let passphrase = Passphrase::new("zoom").unwrap();
    let user = User::new("ana").unwrap();
    let mut memory = WorkMemory::for_cost(cost).unwrap();
    SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory).unwrap()
}
