//! The sealed record, version 1: what a safe holds and a client opens.
//!
//! `docs/protocol.md` of the project describes it for other languages. A record proves
//! nothing about its author: whoever knows the passphrase can make one.

mod exposed;
mod json;
mod parameters;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::aead::{self, NONCE_LEN, TAG_LEN};
use crate::entries::{Entries, MAX_PLAINTEXT_LEN, PADDING, PayloadError};
use crate::kdf::{self, COMMITMENT_LEN, Commitment, Cost, KdfError, Key, SALT_LEN, WorkMemory};
use crate::passphrase::Passphrase;
use crate::proof::{Proof, ProofHash};
use crate::random::{Random, RandomError};
use crate::stack;
use crate::user::User;

pub use json::RecordError;
pub use parameters::KdfParameters;
pub(crate) use parameters::ParameterFields;

/// An encrypted set of [`Entries`], with all that is needed to open it but the passphrase
/// and the user. Well-formed, not necessarily genuine: that shows when it is opened.
#[derive(Clone)]
pub struct SealedRecord {
    header: Header,
    nonce: [u8; NONCE_LEN],
    /// Wiped: a safe that is over leaves nothing to guess at.
    ciphertext: Zeroizing<Vec<u8>>,
}

/// What a key belongs to. Two records with different headers are two different safes.
#[derive(Clone)]
struct Header {
    parameters: KdfParameters,
    commitment: Commitment,
}

/// What comes of sealing, and what a safe is made of: neither part opens anything.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What the safe hands out.
    pub record: SealedRecord,
    /// By which the safe judges who knows the passphrase.
    pub proof_hash: ProofHash,
}

/// The key of one record, derived once and good for every later copy of the same safe.
///
/// Worth as much as the passphrase. Wiped on drop.
pub struct RecordKey {
    header: Header,
    key: Key,
    proof: Proof,
}

impl RecordKey {
    /// What shows a safe that this key's passphrase is known here.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// What it was derived with.
    #[must_use]
    pub fn parameters(&self) -> &KdfParameters {
        &self.header.parameters
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey(redacted)")
    }
}

impl SealedRecord {
    /// Longest JSON text of a record, in bytes: 1,024 entries of 65,536 bytes in total.
    pub const MAX_JSON_LEN: usize = 192 * 1024;

    /// Encrypts `entries` under `passphrase` and `user`, with a fresh salt and nonce.
    ///
    /// Takes as long as Argon2id at that cost: about a tenth of a second at
    /// [`Cost::DEFAULT`].
    ///
    /// # Errors
    ///
    /// [`SealError`] if `random` cannot deliver or there is too little memory.
    pub fn seal(
        entries: &Entries,
        passphrase: &Passphrase,
        user: &User,
        cost: Cost,
        random: &mut dyn Random,
        memory: &mut WorkMemory,
    ) -> Result<Sealed, SealError> {
        let mut salt = [0; SALT_LEN];
        random.fill(&mut salt)?;
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let RecordKey { header, key, proof } =
            KdfParameters { cost, salt }.derive(passphrase, user, memory)?;
        let record = stack::wiped_after::<{ stack::CIPHER }, _>(|| {
            Self::seal_plaintext(&entries.encode(), &key, header, nonce)
        })?;
        Ok(Sealed { record, proof_hash: proof.hash() })
    }

    fn seal_plaintext(
        plaintext: &[u8],
        key: &Key,
        header: Header,
        nonce: [u8; NONCE_LEN],
    ) -> Result<Self, SealError> {
        let associated_data = associated_data(&header, &nonce);
        let ciphertext = aead::encrypt(key, &nonce, associated_data.as_bytes(), plaintext)
            .map_err(|_| SealError::Cipher)?;
        Ok(Self { header, nonce, ciphertext })
    }

    /// Derives the key of this record; the slow half of opening it.
    ///
    /// # Errors
    ///
    /// [`OpenError::WrongPassphrase`] if passphrase or user are not those it was sealed
    /// with, [`OpenError::Kdf`] if there is too little memory.
    pub fn derive_key(
        &self,
        passphrase: &Passphrase,
        user: &User,
        memory: &mut WorkMemory,
    ) -> Result<RecordKey, OpenError> {
        let key = self.header.parameters.derive(passphrase, user, memory)?;
        if key.header.commitment.matches(&self.header.commitment) {
            Ok(key)
        } else {
            Err(OpenError::WrongPassphrase)
        }
    }

    /// Decrypts the record; the fast half of opening it.
    ///
    /// # Errors
    ///
    /// [`OpenError::OtherSafe`] if `key` was derived with another safe's parameters,
    /// [`OpenError::WrongPassphrase`] if passphrase or user were not those it was sealed with,
    /// [`OpenError::Damaged`] if this one was changed after it was sealed,
    /// [`OpenError::Payload`] if its sealer did not keep to the format.
    pub fn open(&self, key: &RecordKey) -> Result<Entries, OpenError> {
        if key.header.parameters != self.header.parameters {
            return Err(OpenError::OtherSafe);
        }
        if !key.header.commitment.matches(&self.header.commitment) {
            return Err(OpenError::WrongPassphrase);
        }
        let associated_data = associated_data(&self.header, &self.nonce);
        stack::wiped_after::<{ stack::CIPHER }, _>(|| {
            let plaintext =
                aead::decrypt(&key.key, &self.nonce, associated_data.as_bytes(), &self.ciphertext)
                    .map_err(|_| OpenError::Damaged)?;
            Ok(Entries::decode(&plaintext)?)
        })
    }

    /// What its key is derived with.
    #[must_use]
    pub fn parameters(&self) -> &KdfParameters {
        &self.header.parameters
    }
}

impl fmt::Debug for SealedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedRecord({} bytes of ciphertext)", self.ciphertext.len())
    }
}

/// Why nothing was sealed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum SealError {
    /// No salt, nonce or passphrase could be drawn.
    Random(RandomError),
    /// Too little memory.
    Kdf(KdfError),
    /// The cipher refused the plaintext.
    Cipher,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(error) => error.fmt(f),
            Self::Kdf(error) => error.fmt(f),
            Self::Cipher => f.write_str("the secrets cannot be encrypted"),
        }
    }
}

impl std::error::Error for SealError {}

impl From<RandomError> for SealError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

impl From<KdfError> for SealError {
    fn from(error: KdfError) -> Self {
        Self::Kdf(error)
    }
}

/// Why a well-formed record does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It was sealed with another passphrase, or for another user.
    WrongPassphrase,
    /// The key belongs to another safe.
    OtherSafe,
    /// Passphrase and user are right, and the content has been changed.
    Damaged,
    /// Content that is genuine and malformed.
    Payload(PayloadError),
    /// Too little memory.
    Kdf(KdfError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongPassphrase => f.write_str("the passphrase or the user is wrong"),
            Self::OtherSafe => f.write_str("the record belongs to a different safe"),
            Self::Damaged => f.write_str("the record is damaged"),
            Self::Payload(it) => write!(f, "the content of the record is malformed: {it}"),
            Self::Kdf(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<PayloadError> for OpenError {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

impl From<KdfError> for OpenError {
    fn from(error: KdfError) -> Self {
        Self::Kdf(error)
    }
}

/// Whether a ciphertext has a length that a sealer can have given it.
fn is_ciphertext_len(len: usize) -> bool {
    len.checked_sub(TAG_LEN)
        .is_some_and(|plain| (PADDING..=MAX_PLAINTEXT_LEN).contains(&plain) && plain % PADDING == 0)
}

/// Every field of the record but the ciphertext, so that none can be exchanged.
fn associated_data(header: &Header, nonce: &[u8; NONCE_LEN]) -> String {
    // Of that length or a little less.
    let mut text = String::with_capacity(160);
    text.push_str("passsafe-sealed-v1:argon2id");
    let KdfParameters { cost, salt } = &header.parameters;
    for number in [kdf::ARGON2_VERSION, cost.memory_kib(), cost.iterations(), kdf::PARALLELISM] {
        text.push(':');
        text.push_str(&number.to_string());
    }
    for bytes in [&salt[..], nonce, &header.commitment.0] {
        text.push(':');
        BASE64URL_NOPAD.encode_append(bytes, &mut text);
    }
    text
}

const _: () = assert!(COMMITMENT_LEN == 32 && SALT_LEN == 16, "fixed by version 1 of the record");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry_name::EntryName;
    use crate::secret::Secret;

    const LEAST: (u32, u32) = (Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS);

    struct Fixture {
        record: SealedRecord,
        proof_hash: ProofHash,
        passphrase: Passphrase,
        user: User,
        memory: WorkMemory,
    }

    impl Fixture {
        fn new(value: &[u8]) -> Self {
            let cost = Cost::new(LEAST.0, LEAST.1).unwrap();
            let mut memory = WorkMemory::for_cost(cost).unwrap();
            let passphrase = Passphrase::new("zoom zoom").unwrap();
            let user = User::new("ana").unwrap();
            let entries = Entries::new([(EntryName::password(), value.to_vec().into())]).unwrap();
            let mut next = 0_u8;
            let mut random = move |out: &mut [u8]| {
                out.fill_with(|| {
                    next = next.wrapping_add(1);
                    next
                });
                Ok(())
            };
            let sealed =
                SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory)
                    .unwrap();
            Self { record: sealed.record, proof_hash: sealed.proof_hash, passphrase, user, memory }
        }

        fn key(&mut self) -> RecordKey {
            self.record.derive_key(&self.passphrase, &self.user, &mut self.memory).unwrap()
        }

        /// Opens a text from nothing, as a client does at its first fetch.
        fn open_first(&mut self, json: &[u8]) -> Result<Entries, String> {
            let record = SealedRecord::from_json(json).map_err(|error| error.to_string())?;
            let key = record
                .derive_key(&self.passphrase, &self.user, &mut self.memory)
                .map_err(|error| error.to_string())?;
            record.open(&key).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn a_wrong_passphrase_or_user_is_told_from_damage() {
        let mut sealed = Fixture::new(b"S3kr!t");
        let other = Passphrase::new("zoom zoo").unwrap();
        let refused = sealed.record.derive_key(&other, &sealed.user, &mut sealed.memory);
        assert_eq!(refused.err(), Some(OpenError::WrongPassphrase));
        let stranger = User::new("bob").unwrap();
        let refused = sealed.record.derive_key(&sealed.passphrase, &stranger, &mut sealed.memory);
        assert_eq!(refused.err(), Some(OpenError::WrongPassphrase));

        let key = sealed.key();
        let mut damaged = sealed.record.clone();
        damaged.ciphertext[3] ^= 1;
        assert_eq!(damaged.open(&key).err(), Some(OpenError::Damaged));
        let mut damaged = sealed.record.clone();
        damaged.nonce[3] ^= 1;
        assert_eq!(damaged.open(&key).err(), Some(OpenError::Damaged));
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", Fixture::new(b"S3kr!t").key()), "RecordKey(redacted)");
    }

    #[test]
    fn a_key_opens_later_copies_and_no_other_safe() {
        let mut sealed = Fixture::new(b"S3kr!t");
        let key = sealed.key();
        assert_eq!(
            sealed.record.open(&key).unwrap().take(&EntryName::password()).unwrap().expose(),
            b"S3kr!t"
        );

        let mut other = sealed.record.clone();
        other.header.parameters.salt[0] ^= 1;
        assert_eq!(other.open(&key).err(), Some(OpenError::OtherSafe));
        let mut other = sealed.record.clone();
        other.header.parameters.cost = Cost::DEFAULT;
        assert_eq!(other.open(&key).err(), Some(OpenError::OtherSafe));
        let mut other = sealed.record.clone();
        other.header.commitment.0[0] ^= 1;
        assert_eq!(other.open(&key).err(), Some(OpenError::WrongPassphrase));
    }

    #[test]
    fn the_right_passphrase_and_user_alone_prove_themselves() {
        let mut sealed = Fixture::new(b"S3kr!t");
        let key = sealed.key();
        assert!(sealed.proof_hash.matches(key.proof()));
        for (passphrase, user) in [("zoom zoo", "ana"), ("zoom zoom", "anb")] {
            let (passphrase, user) =
                (Passphrase::new(passphrase).unwrap(), User::new(user).unwrap());
            let parameters = sealed.record.parameters();
            let key = parameters.derive(&passphrase, &user, &mut sealed.memory).unwrap();
            assert!(!sealed.proof_hash.matches(key.proof()));
            assert_eq!(sealed.record.open(&key).err(), Some(OpenError::WrongPassphrase));
        }
    }

    #[test]
    fn a_genuine_record_with_a_malformed_content_is_named_so() {
        let mut sealed = Fixture::new(b"S3kr!t");
        let key = sealed.key();
        let record = SealedRecord::seal_plaintext(
            &[0; 256],
            &key.key,
            key.header.clone(),
            sealed.record.nonce,
        )
        .unwrap();
        assert_eq!(record.open(&key).err(), Some(OpenError::Payload(PayloadError::Limits)));
    }

    #[test]
    fn a_single_flipped_bit_anywhere_is_refused() {
        let mut sealed = Fixture::new(b"S3kr!t");
        let json = sealed.record.to_json();
        let key = sealed.key();
        assert!(sealed.open_first(json.as_bytes()).is_ok());
        for bit in 0..json.len() * 8 {
            let mut flipped = json.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(record) = SealedRecord::from_json(&flipped) else { continue };
            // A record with the same header has the same key, so the slow half tells
            // nothing new about it.
            match record.open(&key) {
                Err(OpenError::Damaged) => {}
                Err(OpenError::OtherSafe | OpenError::WrongPassphrase) => {
                    assert!(sealed.open_first(&flipped).is_err(), "bit {bit} from the passphrase");
                }
                other => panic!("bit {bit}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_largest_record_is_within_the_promised_length() {
        let names = (0..1_024).map(|n| EntryName::new(&format!("n{n:063}")).unwrap());
        let mut first = vec![7; 65_536];
        let entries =
            Entries::new(names.map(|name| (name, Secret::from(std::mem::take(&mut first)))))
                .unwrap();
        let mut sealed = Fixture::new(b"");
        let key = sealed.key();
        let record =
            SealedRecord::seal_plaintext(&entries.encode(), &key.key, key.header.clone(), [0; 24])
                .unwrap();
        let json = record.to_json();
        assert!(json.len() <= SealedRecord::MAX_JSON_LEN, "{}", json.len());
        assert_eq!(
            SealedRecord::from_json(json.as_bytes()).unwrap().open(&key).unwrap().names().count(),
            1_024
        );
    }
}
