//! Working memory for the key derivation: on huge pages, left out of dumps, wiped.
//!
//! Argon2id wants 64 MiB, and goes through it three times in no order that a processor could
//! foresee. On pages of 4 KiB the system first has to find 16,384 of them, and then most steps
//! miss the processor's table of pages. On pages of 2 MiB a key takes two thirds of the time.
//! Who guesses passphrases has such pages; so has who opens a safe. Where the system has none to
//! give, ordinary pages serve.
//!
//! unsafe, because no safe call sees bytes as blocks. Sound here: a block is a kilobyte of
//! numbers, for which any bytes will do.
#![expect(unsafe_code, reason = "see above")]

use memmap2::MmapMut;
use passsafe_core::{Block, Cost, KdfError, WorkMemory};

const _: () = assert!(size_of::<Block>() == Block::SIZE, "nothing but its numbers");

/// Memory for keys of this cost: [`Cost::memory_kib`] KiB.
///
/// # Errors
///
/// [`KdfError`] if the system has not that much memory.
pub fn work_memory(cost: Cost) -> Result<WorkMemory, KdfError> {
    let blocks = usize::try_from(cost.memory_kib()).map_err(|_| KdfError)?;
    let memory = MmapMut::map_anon(blocks * Block::SIZE).map_err(|_| KdfError)?;
    advise(&memory);
    Ok(WorkMemory::new(Arena(memory)))
}

/// Each is a wish: what the system does not know or have changes nothing but the time.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn advise(memory: &MmapMut) {
    use memmap2::Advice;
    for wish in [Advice::DontDump, Advice::HugePage, Advice::PopulateWrite] {
        let _as_it_was = memory.advise(wish);
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn advise(_: &MmapMut) {}

struct Arena(MmapMut);

impl AsMut<[Block]> for Arena {
    fn as_mut(&mut self) -> &mut [Block] {
        // SAFETY: a block is numbers and nothing between them, as its size says, and all bytes
        // are numbers. They are borrowed from `self`, and aligned by the call itself.
        let (_none, blocks, _none_either) = unsafe { self.0.align_to_mut() };
        blocks
    }
}

#[cfg(test)]
mod tests {
    use passsafe_core::{Entries, EntryName, Passphrase, SealedRecord, Secret, User};

    use super::*;

    #[test]
    fn it_is_as_large_as_asked_and_zero() {
        let cost = Cost::new(Cost::MIN_MEMORY_KIB, 1).unwrap();
        let memory = MmapMut::map_anon(1024 * Block::SIZE).unwrap();
        advise(&memory);
        let mut arena = Arena(memory);
        assert_eq!(arena.as_mut().len(), 1024);
        assert!(arena.0.iter().all(|&byte| byte == 0));
        assert_eq!(format!("{:?}", work_memory(cost).unwrap()), "WorkMemory(19456 KiB)");
    }

    #[test]
    fn keys_are_those_of_ordinary_memory() {
        let cost = Cost::new(Cost::MIN_MEMORY_KIB, 1).unwrap();
        let (mut ordinary, mut arena) =
            (WorkMemory::for_cost(cost).unwrap(), work_memory(cost).unwrap());
        let entries = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))]).unwrap();
        let (passphrase, user) = (Passphrase::new("zoom").unwrap(), User::new("ana").unwrap());
        let mut random = |out: &mut [u8]| {
            out.fill(7);
            Ok(())
        };
        let sealed =
            SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut ordinary)
                .unwrap();
        let record = sealed.record;
        let key = record.derive_key(&passphrase, &user, &mut arena).unwrap();
        assert!(record.open(&key).is_ok());
    }
}
