//! Fetches a password from a passsafe safe and opens it here, in the calling program.
//!
//! Somebody ran `passsafe`, typed a password and was shown a *passphrase* and a *token*. The
//! safe serves ciphertext only, for a limited time, to whoever has the token; the passphrase
//! never leaves this process.
//!
//! ```
//! use passsafe_client::blocking::Client;
//!
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/safe.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let url = open_a_safe()?;
//! let safe = Client::parse("clip zebra mango attic prone duty", "936 265")?
//!     .with_url(url.parse()?); // without it, http://localhost:8051
//! let password = safe.password()?;
//! assert_eq!(password.expose(), "S3kr!t");
//! # Ok(())
//! # }
//! ```
//!
//! The same without blocking, on a Tokio runtime with I/O and time enabled:
//!
//! ```
//! use passsafe_client::Client;
//!
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/safe.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let url = open_a_safe()?;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let safe = Client::parse("clip zebra mango attic prone duty", "936 265")?.with_url(url.parse()?);
//! let key = safe.secret("api_key").await?;
//! assert_eq!(key.expose(), "k3y");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # What a client keeps
//!
//! The passphrase until the first success, then the key derived from it and nothing else:
//! neither a password nor a record is cached. Every call asks the safe again, over one kept
//! connection, and fails as soon as the safe is over.
//!
//! The owner of a safe may want to be asked before each opening. A call then waits, for a minute
//! at most; [`Client::with_waiting`] tells when.
//!
//! # What is wiped, and what is not
//!
//! Passphrase, token, key, the request that carries the token, Argon2's working memory and the
//! returned [`Secret`] and [`SecretText`] are overwritten when dropped. Out of reach are: the
//! strings that the caller passes in and the copies it makes of what comes back; what the
//! compiler spills to the stack; what the system writes to swap or a core dump.
//!
//! # What it trusts
//!
//! Nobody on the network: an answer is read as if an enemy wrote it, its size and the cost
//! of its key derivation are bounded, and a record that was changed does not open. The
//! user's own machine is trusted: a program that can read this process's memory has won.
//! Only safes on this machine are asked over plain HTTP unless the caller says otherwise;
//! no proxy is used, no redirect followed, no environment variable read.
//!
//! Not trusted are the machine's other accounts. On Linux nothing is sent to a port of this
//! machine on which another account listens, and on any Unix nothing to another account's
//! socket, unless [`TrustedServer`] names that account. Elsewhere a port cannot be told
//! from another account's.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "async", feature = "blocking")))]
compile_error!("passsafe-client is a client with one of its features: async, blocking");

mod account;
mod answer;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "async")]
mod client;
mod clock;
mod credential;
#[cfg(feature = "async")]
mod endpoint;
mod error;
mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "blocking")]
mod interrupt;
mod opener;
mod target;
mod transport;
mod trust;
mod url;
mod work_memory;

pub use account::account_user;
#[cfg(feature = "async")]
pub use client::Client;
#[cfg(feature = "async")]
pub use endpoint::Endpoint;
pub use error::{Error, ErrorKind};
pub use passsafe_core::wire::{State, Status};
pub use passsafe_core::{
    EmptyPassphrase, Entries, EntryName, EntryNameError, Passphrase, Secret, SecretText, Token,
    TokenError, Typo, User, UserError,
};
pub use trust::TrustedServer;
pub use url::BaseUrl;
pub use work_memory::work_memory;
