//! Fetches a password from a passsafe safe and opens it here, in the calling program.
//!
//! Somebody ran `passsafe`, typed a password and was shown a *passphrase* and a *token*. The
//! safe serves ciphertext only, for a limited time, to whoever has the token; the passphrase
//! never leaves this process.
//!
//! ```no_run
//! use passsafe_client::blocking::Client;
//!
//! # fn main() -> Result<(), passsafe_client::Error> {
//! let safe = Client::new("clip zebra mango attic prone duty", "936 265")?;
//! let password = safe.password()?;
//! connect_to_database("ana", password.expose());
//! # Ok(())
//! # }
//! # fn connect_to_database(_: &str, _: &str) {}
//! ```
//!
//! The same without blocking, on a Tokio runtime with I/O and time enabled:
//!
//! ```no_run
//! use passsafe_client::Client;
//!
//! # async fn example() -> Result<(), passsafe_client::Error> {
//! let safe = Client::new("clip zebra mango attic prone duty", "936 265")?;
//! let key = safe.secret("api_key").await?;
//! call_service(key.expose()).await;
//! # Ok(())
//! # }
//! # async fn call_service(_: &str) {}
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
//! Passphrase, token, key, Argon2's working memory and the returned [`Secret`] and
//! [`SecretText`] are overwritten when dropped. Out of reach are: the strings that the
//! caller passes in and the copies it makes of what comes back; the token inside the HTTP
//! library's request and buffers; what the compiler spills to the stack; what the system
//! writes to swap or a core dump.
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
//! socket, unless [`Endpoint::with_owner`] names that account. Elsewhere a port cannot be told
//! from another account's.

#![forbid(unsafe_code)]

mod account;
mod answer;
pub mod blocking;
mod client;
mod clock;
mod connection;
mod dial;
mod endpoint;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod opener;
mod url;

pub use account::account_user;
pub use client::Client;
pub use endpoint::Endpoint;
pub use error::Error;
pub use passsafe_core::wire::{State, Status};
pub use passsafe_core::{Secret, SecretText, Token, TokenError, User};
pub use url::BaseUrl;
