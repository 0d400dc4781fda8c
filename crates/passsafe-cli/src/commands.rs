//! One file for each command; `open` and `credentials` serve those that talk to a safe.

pub(crate) mod close;
pub(crate) mod completions;
mod credentials;
pub(crate) mod get;
pub(crate) mod man;
mod open;
#[cfg(unix)]
pub(crate) mod run;
#[cfg(unix)]
pub(crate) mod serve;
pub(crate) mod status;
