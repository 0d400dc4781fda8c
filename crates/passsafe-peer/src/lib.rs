//! Which account of this machine holds the other end of a loopback connection.
//!
//! A port on localhost is open to every account of the machine. A safe asks here who has
//! connected, before it reads a byte, and a client asks who listens, before it sends one.
//!
//! On Linux the kernel is asked for the one socket with exactly these two addresses (netlink,
//! `sock_diag`), and where that is forbidden its tables `/proc/net/tcp` and `tcp6` are read.
//! An answer is taken only from a socket that somebody holds: one in the queue of a
//! listener, or left behind by a process that is gone, is reported as root's. Elsewhere
//! nothing is known ([`CAN_TELL`]).
//!
//! The crate says who it is. Whether that is good enough is its callers' to decide. In a
//! user namespace, accounts that have no number there all have the same one (65534).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod diag;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
mod row;
#[cfg(target_os = "linux")]
mod tables;

use std::net::SocketAddr;

/// Whether this system has anything to ask. Where not, every answer is [`Owner::Unknown`].
pub const CAN_TELL: bool = cfg!(target_os = "linux");

/// Who holds a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The account with this user id.
    Account(u32),
    /// Nobody: the process that held it has closed it, or it is not of this machine.
    Gone,
    /// The system does not say.
    Unknown,
}

/// The other end of an accepted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Who holds it.
    pub owner: Owner,
    /// With [`Owner::Account`]: its number, which descriptors in `/proc` name.
    pub inode: Option<u64>,
}

impl From<Owner> for Socket {
    fn from(owner: Owner) -> Self {
        Self { owner, inode: None }
    }
}

/// Where an answer may come from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The kernel, by netlink.
    Netlink,
    /// The files `tcp` and `tcp6` of a directory.
    Tables(&'a str),
}

/// All of them, in the order in which they are asked.
pub const SOURCES: &[Source<'static>] = &[Source::Netlink, Source::Tables("/proc/net")];

/// The account that this thread acts as.
#[cfg(unix)]
#[must_use]
pub fn own_account() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Who holds the other end of a connected Unix socket, as the system noted it when the two
/// were connected.
#[cfg(unix)]
#[must_use]
pub fn unix_socket(socket: impl std::os::fd::AsFd) -> Owner {
    system_unix_socket(socket).map_or(Owner::Unknown, Owner::Account)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn system_unix_socket(socket: impl std::os::fd::AsFd) -> Option<u32> {
    Some(rustix::net::sockopt::socket_peercred(socket).ok()?.uid.as_raw())
}

#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
))]
fn system_unix_socket(socket: impl std::os::fd::AsFd) -> Option<u32> {
    Some(nix::unistd::getpeereid(socket).ok()?.0.as_raw())
}

#[cfg(all(
    unix,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd"
    ))
))]
fn system_unix_socket(_: impl std::os::fd::AsFd) -> Option<u32> {
    None
}

/// The sources that answer on this system. What they need is opened once, so that the answer
/// does not depend on how many descriptors are left when it is needed.
#[derive(Debug)]
pub struct Peers(Vec<system::Opened>);

impl Peers {
    /// All sources that there are.
    #[must_use]
    pub fn new() -> Self {
        Self::by(SOURCES)
    }

    /// These sources, in this order.
    #[must_use]
    pub fn by(sources: &[Source<'_>]) -> Self {
        Self(sources.iter().filter_map(|&source| system::Opened::open(source)).collect())
    }

    /// Who holds the other end of an accepted connection, whose addresses are `near` here and
    /// `far` there.
    #[must_use]
    pub fn client(&self, near: SocketAddr, far: SocketAddr) -> Socket {
        self.first(|source| source.client(near, far)).unwrap_or(Owner::Unknown.into())
    }

    /// Who holds the other end of a connection that was opened from `near` to `far`, or who
    /// will when it is accepted: the account that listens there.
    ///
    /// The listener is asked for first. If the connection is still queued after that, it was
    /// that listener's all the time, since a listener that closes takes its queue with it.
    #[must_use]
    pub fn server(&self, near: SocketAddr, far: SocketAddr) -> Owner {
        self.first(|source| source.server(near, far)).unwrap_or(Owner::Unknown)
    }

    fn first<T>(&self, ask: impl Fn(&system::Opened) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(ask)
    }
}

impl Default for Peers {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::net::SocketAddr;

    use super::{Owner, Socket, Source, tables};
    use crate::netlink::Netlink;
    use crate::row::Pair;

    #[derive(Debug)]
    pub(super) enum Opened {
        Netlink(Netlink),
        Tables(String),
    }

    impl Opened {
        /// `None` if the source does not answer here.
        pub(super) fn open(source: Source<'_>) -> Option<Self> {
            match source {
                Source::Netlink => Netlink::open().ok().map(Self::Netlink),
                Source::Tables(folder) => Some(Self::Tables(folder.to_owned())),
            }
        }

        /// `None` if the source does not answer this time.
        pub(super) fn client(&self, near: SocketAddr, far: SocketAddr) -> Option<Socket> {
            self.holder(Pair::new(far, near)).ok()
        }

        pub(super) fn server(&self, near: SocketAddr, far: SocketAddr) -> Option<Owner> {
            let far_end = Pair::new(far, near);
            let listener = self.listener(far_end).ok()?;
            Some(match self.holder(far_end).ok()?.owner {
                Owner::Gone | Owner::Unknown => listener,
                holder @ Owner::Account(_) => holder,
            })
        }

        fn holder(&self, end: Pair) -> io::Result<Socket> {
            match self {
                Self::Netlink(netlink) => netlink.holder(end),
                Self::Tables(folder) => tables::holder(folder, end),
            }
        }

        fn listener(&self, end: Pair) -> io::Result<Owner> {
            match self {
                Self::Netlink(netlink) => netlink.listener(end),
                Self::Tables(folder) => tables::listener(folder, end),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    use super::{Owner, Socket, Source};

    /// There is none.
    #[derive(Debug)]
    pub(super) enum Opened {}

    impl Opened {
        pub(super) fn open(_: Source<'_>) -> Option<Self> {
            None
        }

        pub(super) fn client(&self, _: SocketAddr, _: SocketAddr) -> Option<Socket> {
            match *self {}
        }

        pub(super) fn server(&self, _: SocketAddr, _: SocketAddr) -> Option<Owner> {
            match *self {}
        }
    }
}
