//! What a passsafe safe is made of, for programs that want to seal, serve or open one.
//!
//! A *safe* holds one [`SealedRecord`]: named secrets, encrypted with XChaCha20-Poly1305
//! under a key that Argon2id derives from a one-time [`Passphrase`]. Whoever serves the
//! record sees ciphertext only; a six-digit [`Token`] decides who may have it, and a
//! [`Deadline`] until when.
//!
//! This crate does no I/O, starts no thread, reads no clock and owns no generator: time and
//! randomness are arguments, so every function gives the same answer to the same input.
//! The adversary it is written against has the record and all the time in the world; what
//! stands between them and the secret is the passphrase's 77.5 bits and Argon2id's cost.
//!
//! # Sealing and opening
//!
//! ```
//! use passsafe_core::{
//!     Cost, Entries, EntryName, Passphrase, RandomError, SealedRecord, Secret, User, WorkMemory,
//! };
//! use ring::rand::{SecureRandom, SystemRandom};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = SystemRandom::new();
//! let mut random = |out: &mut [u8]| system.fill(out).map_err(|_| RandomError);
//!
//! let user = User::new("ana")?;
//! let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS)?; // least cost, for the example
//! let mut memory = WorkMemory::for_cost(cost)?;
//!
//! let passphrase = Passphrase::generate(&mut random)?;
//! let entries = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))])?;
//! let sealed = SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory)?;
//! let json = sealed.record.to_json();
//!
//! let received = SealedRecord::from_json(json.as_bytes())?;
//! let key = received.derive_key(&passphrase, &user, &mut memory)?;
//! let opened = received.open(&key)?;
//! assert_eq!(opened.get(&EntryName::password()).map(Secret::expose), Some(&b"S3kr!t"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! # What is wiped
//!
//! [`Secret`], [`SecretText`], [`Passphrase`], [`RecordKey`], [`WorkMemory`], [`Seed`] and
//! [`Token`] overwrite their memory when dropped and never show their content in `Debug`.
//! Copies that the compiler spills to the stack or the system writes to swap are out of
//! their reach.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[macro_use]
mod error;
#[cfg(test)]
mod exposure;

mod aead;
mod deadline;
mod entries;
mod entry_name;
mod kdf;
mod lifetime;
mod passphrase;
mod proof;
mod random;
mod record;
mod secret;
mod spelling;
mod stack;
mod token;
#[cfg(feature = "totp")]
mod totp;
mod user;
pub mod wire;
pub mod wordlist;

pub use deadline::{Deadline, Moment};
pub use entries::{Entries, EntriesError, PayloadError};
pub use entry_name::{EntryName, EntryNameError};
pub use kdf::{Block, Cost, CostError, KdfError, WorkMemory};
pub use lifetime::{Lifetime, LifetimeError};
pub use passphrase::{EmptyPassphrase, Passphrase, Typo};
pub use proof::{Proof, ProofError, ProofHash};
pub use random::{Random, RandomError};
pub use record::{
    KdfParameters, OpenError, RecordError, RecordKey, SealError, Sealed, SealedRecord,
};
pub use secret::{NotText, Secret, SecretText};
#[doc(hidden)]
pub use spelling::nearest;
pub use token::{Token, TokenError};
#[cfg(feature = "totp")]
#[cfg_attr(docsrs, doc(cfg(feature = "totp")))]
pub use totp::{Seed, totp};
pub use user::{User, UserError};
