//! Where connections come from, and which of them are let in.

pub(crate) mod accept;
pub(crate) mod admission;
pub(crate) mod localhost;
#[cfg(unix)]
pub(crate) mod socket_file;
#[cfg(unix)]
mod unix_stream;

use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::net::UnixListener;

/// Where a safe takes connections.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the two ways a connection comes in; a third changes every caller"
)]
pub enum Listener {
    /// On a port.
    Tcp(TcpListener),
    /// On a socket in the file system; `SocketFile` makes one.
    #[cfg(unix)]
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// Transport of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// TCP, on this port.
    Port(u16),
    /// A Unix socket, which no browser reaches.
    #[cfg_attr(not(any(unix, test)), expect(dead_code, reason = "there are no Unix sockets"))]
    Socket,
}
