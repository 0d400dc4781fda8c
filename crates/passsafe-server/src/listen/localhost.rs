//! Listening on `localhost`: both of its addresses, on one port.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// How often another free port is looked for when its IPv6 half turns out to be taken.
const TRIES_FOR_A_FREE_PORT: usize = 16;

/// How many connections the system holds until they are accepted. The standard library asks
/// for 128, which a flood fills within a millisecond; other clients then wait a second
/// before they try again. The system may allow less.
#[cfg(any(target_os = "linux", target_os = "android"))]
const BACKLOG: i32 = 4_096;

/// Binds 127.0.0.1 and, where the machine has IPv6, `[::1]` on one port; 0 takes a free one.
///
/// Both or none: another program on the other address could answer clients that connect there.
///
/// # Errors
///
/// [`ErrorKind::AddrInUse`] if either address is taken on that port, and whatever else the
/// system says.
pub fn bind_localhost(port: u16) -> io::Result<Vec<TcpListener>> {
    let mut tries = if port == 0 { TRIES_FOR_A_FREE_PORT } else { 1 };
    loop {
        tries -= 1;
        match bind_both(port) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && tries > 0 => {}
            result => return result,
        }
    }
}

fn bind_both(port: u16) -> io::Result<Vec<TcpListener>> {
    let v4 = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let port = v4.local_addr()?.port();
    match listen(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Ok(v6) => Ok(vec![v4, v6]),
        Err(error) if no_ipv6(&error) => Ok(vec![v4]),
        Err(error) => Err(error),
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // A second call on Linux changes the first one's backlog; elsewhere it stays as it is.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// The address family is not compiled in, or its loopback address is switched off.
fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
        || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// Not in [`ErrorKind`].
const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_have_the_same_port() {
        let listeners = bind_localhost(0).unwrap();
        let ports: Vec<u16> = listeners.iter().map(|it| it.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|&port| port == ports[0] && port != 0));
        assert!(listeners.iter().all(|it| it.local_addr().unwrap().ip().is_loopback()));
    }

    #[test]
    fn a_port_that_is_half_taken_is_taken() {
        let mut listeners = bind_localhost(0).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        while !listeners.is_empty() {
            assert_eq!(bind_localhost(port).unwrap_err().kind(), ErrorKind::AddrInUse);
            listeners.remove(0);
        }
    }
}
