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
mod asking;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod clocks;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod consent;
mod descriptors;
mod destinations;
#[cfg(target_os = "linux")]
mod errors;
#[cfg(target_os = "linux")]
mod hardening;
mod help;
mod hostile;
mod isolation;
#[cfg(target_os = "linux")]
mod jobs;
#[cfg(target_os = "linux")]
mod kept;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod launcher;
mod leaks;
mod life;
mod open;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod preload;
mod prompts;
mod proof;
mod rogue;
mod run;
#[cfg(target_os = "linux")]
mod scan;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod screen;
mod secrets;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod served;
#[cfg(target_os = "linux")]
mod supervise;
mod support;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod time;
#[cfg(target_os = "linux")]
mod transparent;
mod usage;
