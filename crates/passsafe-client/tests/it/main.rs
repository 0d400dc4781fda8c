//! The client against servers that answer by a script, most of them badly.
//!
//! Every server is a thread on a free port of 127.0.0.1, and every record is sealed at the
//! least cost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accounts;
mod consent;
mod expiry;
mod facade;
mod hostile;
mod opening;
mod records;
mod rogue;
mod transport;
