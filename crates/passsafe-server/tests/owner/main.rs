//! What the owner of a served safe is told and asked, with real connections of this process
//! and of others.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../it/account.rs"]
mod account;
mod callers;
mod consent;
mod served;
#[path = "../it/support.rs"]
mod support;
mod uses;
