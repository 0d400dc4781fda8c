//! The safe of passsafe: one sealed record in memory, handed out over HTTP for its token
//! until its time is up.
//!
//! The crate knows ciphertext and the token. It has no notion of a password, a
//! passphrase or a key, and cannot open what it holds. It owns no port, no signal and no
//! exit: the program that embeds it binds the sockets ([`bind_localhost`] helps), decides
//! when to stop, and learns from [`run`] how the safe ended.
//!
//! The adversary can reach the port and lacks the token. Other accounts of the machine are
//! refused when they connect ([`Admission`]), web pages by their headers, and guessers are
//! locked out at the third wrong token, however many try at once; see [`Safe`]. Floods and
//! slow clients lose their slots to new connections; see [`run`].
//!
//! The embedding program can listen to what happens and who did it ([`Safe::with_events`]),
//! limit how often the record is handed out ([`Safe::with_max_uses`]), ask the user before each
//! release ([`Safe::with_consent`]), and give the safe more time ([`Safe::extend`]).
//!
//! ```
//! use std::sync::Arc;
//!
//! use passsafe_core::{Deadline, Lifetime, Seed};
//! use passsafe_server::{Admission, AllowedHosts, Clock, Safe, SystemClock, bind_localhost, run};
//! # use passsafe_core::{Cost, Entries, EntryName, Passphrase, SealedRecord, Secret, User, WorkMemory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS)?;
//! # let secrets = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))])?;
//! # let mut memory = WorkMemory::for_cost(cost)?;
//! # let mut random = |out: &mut [u8]| { out.fill(7); Ok(()) };
//! # let (words, user) = (Passphrase::new("zoom")?, User::new("ana")?);
//! # let sealed = SealedRecord::seal(&secrets, &words, &user, cost, &mut random, &mut memory)?;
//! # let shutdown = std::future::ready(());
//! # let seed = Seed::generate(&mut random)?;
//! // Given: what was sealed, the seed of its token, and a future that ends the safe early.
//! let listeners = bind_localhost(0)?; // any free port; usually 8051
//! let clock = Arc::new(SystemClock);
//! let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
//! let safe = Arc::new(Safe::new(&sealed, seed.token(Lifetime::DEFAULT), deadline, clock));
//! let (hosts, admission) = (AllowedHosts::default(), Admission::default());
//! let end = run(listeners, safe, hosts, admission, shutdown).await?;
//! println!("the safe is {end:?}");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod clock;
mod connection;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod listen;
mod peer;
mod safe;
mod serve;
#[cfg(test)]
mod testing;

pub use clock::{Clock, SystemClock};
pub use http::hosts::AllowedHosts;
pub use listen::Listener;
pub use listen::admission::Admission;
pub use listen::localhost::bind_localhost;
#[cfg(unix)]
pub use listen::socket_file::{SocketError, SocketFile, SocketMode};
pub use safe::caller::{Caller, Process};
pub use safe::consent::{Decision, Question, Questions};
pub use safe::events::{Event, Events};
pub use safe::{ExtendError, Refusal, Release, Safe};
pub use serve::run;
