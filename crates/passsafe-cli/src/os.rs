//! What the operating system does for the command: accounts, variables, signals, descriptors.

pub(crate) mod accounts;
pub(crate) mod environment;
#[cfg(unix)]
pub(crate) mod exec;
pub(crate) mod hardening;
#[cfg(unix)]
pub(crate) mod inherited;
pub(crate) mod limits;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod memfd;
pub(crate) mod patience;
#[cfg(unix)]
pub(crate) mod signals;
#[cfg(all(unix, any(test, not(any(target_os = "linux", target_os = "android")))))]
pub(crate) mod socketpair;
pub(crate) mod streams;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod unreadable;
