//! The real binary, by pipe and through a pseudo-terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod accounts;
mod isolation;
mod life;
mod open;
mod prompts;
mod rogue;
mod run;
mod support;
mod usage;
