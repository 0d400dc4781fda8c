//! How bytes come and go: two thin drivers of the exchange, and what both ask the system.

#[cfg(feature = "blocking")]
pub(crate) mod std_io;
#[cfg(feature = "async")]
pub(crate) mod tokio_io;

use std::io;
use std::net::SocketAddr;

/// Bytes that are read at once: between two looks at the clock, a flood gets through no more.
const READ_LEN: usize = 16 * 1024;

/// The two addresses of a connection, which are never the same one: where nobody listens on a
/// port of the ephemeral range, the system may choose that very port as the source and
/// connect the socket to itself (RFC 9293, section 3.5).
fn ends(near: SocketAddr, far: SocketAddr) -> io::Result<(SocketAddr, SocketAddr)> {
    if near == far { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok((near, far)) }
}

/// Whether the other side of this socket is there and has nothing to say. Does not wait.
#[cfg(unix)]
fn is_quiet(socket: impl std::os::fd::AsFd) -> bool {
    use rustix::net::{RecvFlags, recv};
    let peeked = recv(socket, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    peeked.is_err_and(|error| error == rustix::io::Errno::WOULDBLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_connected_to_itself_is_refused() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert!(ends(at(40_000), at(8_051)).is_ok());
        let refused = ends(at(40_000), at(40_000)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
