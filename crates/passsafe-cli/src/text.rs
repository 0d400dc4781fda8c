//! Words for people: errors, hints, lists. Knows nothing of the system it runs on.

pub(crate) mod client_error;
pub(crate) mod failure;
pub(crate) mod names;
pub(crate) mod state;
pub(crate) mod wrap;
