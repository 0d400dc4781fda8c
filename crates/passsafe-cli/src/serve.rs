//! Parts of `passsafe serve`: what it asks and seals, and the processes that it becomes and starts.

pub(crate) mod credentials;
pub(crate) mod handover;
pub(crate) mod launcher;
pub(crate) mod port;
mod read_secrets;
pub(crate) mod seal;
mod secret_file;
pub(crate) mod server_process;
pub(crate) mod socket;
pub(crate) mod sources;
pub(crate) mod start_server;
mod supervise;
