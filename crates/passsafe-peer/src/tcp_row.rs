//! One line of the kernel's list of TCP sockets, and what it proves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Socket, SocketOwner};

/// States as the kernel numbers them (`include/net/tcp_states.h`).
const ESTABLISHED: u8 = 1;
const FIN_WAIT1: u8 = 4;
const FIN_WAIT2: u8 = 5;
const LISTEN: u8 = 10;

/// Address and port, an IPv4 address always as one: a socket of IPv6 that speaks to
/// 127.0.0.1 is listed as `::ffff:127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
}

impl Address {
    pub(crate) fn new(ip: IpAddr, port: u16) -> Self {
        Self { ip: ip.to_canonical(), port }
    }
}

/// The two addresses of a connection, from the point of view of one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) local: Address,
    pub(crate) remote: Address,
}

impl Pair {
    pub(crate) fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local: Address::new(local.ip(), local.port()),
            remote: Address::new(remote.ip(), remote.port()),
        }
    }

    /// What a listener on the local address has.
    pub(crate) fn listening(self) -> Self {
        let nowhere: IpAddr = match self.local.ip {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self { remote: Address::new(nowhere, 0), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) pair: Pair,
    pub(crate) state: u8,
    pub(crate) uid: u32,
    pub(crate) inode: u64,
}

impl Row {
    /// The account that holds exactly the end `wanted` of a live connection.
    ///
    /// A socket without an inode is held by no process, and the account it is listed with
    /// means nothing. A connection whose holder has said all it has to say is live: it waits
    /// for the answer. A listener, which the kernel offers where it finds nothing better, is
    /// no end of a connection.
    pub(crate) fn holder(&self, wanted: Pair) -> Option<Socket> {
        let live = matches!(self.state, ESTABLISHED | FIN_WAIT1 | FIN_WAIT2);
        let held = live && self.inode != 0 && self.pair == wanted;
        held.then_some(Socket { owner: SocketOwner::Account(self.uid), inode: Some(self.inode) })
    }

    /// Account and kind of a listener that takes connections to the local address of `wanted`.
    pub(crate) fn listener(&self, wanted: Pair) -> Option<(Bound, u32)> {
        let Address { ip, port } = self.pair.local;
        let bound = match ip {
            _ if ip == wanted.local.ip => Bound::Exact,
            IpAddr::V4(any) if any.is_unspecified() && wanted.local.ip.is_ipv4() => Bound::Wildcard,
            IpAddr::V6(any) if any.is_unspecified() && wanted.local.ip.is_ipv6() => Bound::Wildcard,
            // Of IPv6, and perhaps of IPv4 as well.
            IpAddr::V6(any) if any.is_unspecified() => Bound::DualStack,
            _ => return None,
        };
        let listens = self.state == LISTEN && self.inode != 0 && port == wanted.local.port;
        listens.then_some((bound, self.uid))
    }
}

/// How closely a listener is bound. The kernel prefers the closest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    Exact,
    Wildcard,
    DualStack,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn pair(local: &str, remote: &str) -> Pair {
        Pair::new(local.parse().unwrap(), remote.parse().unwrap())
    }

    fn row(local: &str, remote: &str, state: u8, inode: u64) -> Row {
        Row { pair: pair(local, remote), state, uid: 1_001, inode }
    }

    #[test]
    fn only_the_live_socket_with_both_addresses_proves_who_holds_it() {
        let wanted = pair("127.0.0.1:40000", "127.0.0.1:8051");
        let holder = |row: Row| row.holder(wanted);
        let socket = Some(Socket { owner: SocketOwner::Account(1_001), inode: Some(7) });
        for state in [ESTABLISHED, FIN_WAIT1, FIN_WAIT2] {
            let exact = row("127.0.0.1:40000", "127.0.0.1:8051", state, 7);
            assert_eq!(holder(exact), socket, "{state}");
            assert_eq!(holder(Row { inode: 0, ..exact }), None, "without a holder");
        }
        for state in [0, 2, 3, 6, 7, 8, 9, 10, 11, 12, 255] {
            assert_eq!(holder(row("127.0.0.1:40000", "127.0.0.1:8051", state, 7)), None, "{state}");
        }
        for (local, remote) in [
            ("127.0.0.1:8051", "127.0.0.1:40000"),
            ("127.0.0.1:40001", "127.0.0.1:8051"),
            ("127.0.0.1:40000", "127.0.0.1:8052"),
            ("127.0.0.2:40000", "127.0.0.1:8051"),
            ("127.0.0.1:40000", "127.0.0.2:8051"),
            ("127.0.0.1:40000", "0.0.0.0:0"),
            ("[::1]:40000", "[::1]:8051"),
            ("[::7f00:1]:40000", "[::7f00:1]:8051"),
        ] {
            assert_eq!(holder(row(local, remote, ESTABLISHED, 7)), None, "{local} {remote}");
        }
        let mapped = row("[::ffff:127.0.0.1]:40000", "[::ffff:127.0.0.1]:8051", ESTABLISHED, 7);
        assert_eq!(holder(mapped), socket);
    }

    #[test]
    fn a_listener_takes_its_own_address_or_any() {
        let listener = |local: &str, remote: &str| {
            row(local, "0.0.0.0:0", LISTEN, 7)
                .listener(pair(remote, "127.0.0.1:1"))
                .map(|(bound, _)| bound)
        };
        assert_eq!(listener("127.0.0.1:8051", "127.0.0.1:8051"), Some(Bound::Exact));
        assert_eq!(listener("[::ffff:127.0.0.1]:8051", "127.0.0.1:8051"), Some(Bound::Exact));
        assert_eq!(listener("0.0.0.0:8051", "127.0.0.1:8051"), Some(Bound::Wildcard));
        assert_eq!(listener("[::]:8051", "127.0.0.1:8051"), Some(Bound::DualStack));
        assert_eq!(listener("[::]:8051", "[::1]:8051"), Some(Bound::Wildcard));
        assert_eq!(listener("0.0.0.0:8051", "[::1]:8051"), None);
        assert_eq!(listener("127.0.0.2:8051", "127.0.0.1:8051"), None);
        assert_eq!(listener("127.0.0.1:8052", "127.0.0.1:8051"), None);
        let wanted = pair("127.0.0.1:8051", "127.0.0.1:1");
        assert_eq!(row("127.0.0.1:8051", "0.0.0.0:0", ESTABLISHED, 7).listener(wanted), None);
        assert_eq!(row("127.0.0.1:8051", "0.0.0.0:0", LISTEN, 0).listener(wanted), None);
    }
}
