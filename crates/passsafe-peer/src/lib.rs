//! Which account of this machine holds the other end of a loopback connection.
//!
//! A port on localhost is open to every account of the machine. A safe asks here who has
//! connected, before it reads a byte, and a client asks who listens, before it sends one.
//!
//! On Linux the kernel is asked for the one socket with exactly these two addresses (netlink,
//! `sock_diag`), and where that is forbidden its tables `/proc/net/tcp` and `tcp6` are read.
//! An answer is taken only from a socket that a process holds: the kernel reports one in the
//! queue of a listener, or left behind by a process that has ended, as root's. Other systems
//! cannot tell ([`CAN_TELL`]).
//!
//! The crate reports the account; the caller decides whether to trust it. In a user
//! namespace, all accounts without a number of their own share one (65534).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod inet_diag;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
pub mod proc_fd;
#[cfg(target_os = "linux")]
mod proc_net;
#[cfg(target_os = "linux")]
mod tcp_row;
#[cfg(unix)]
mod unix_socket;

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use linux::OpenSource;
#[cfg(not(target_os = "linux"))]
use other::OpenSource;
#[cfg(unix)]
pub use unix_socket::unix_socket;

/// Whether this system has anything to ask. Where not, every answer is [`SocketOwner::Unknown`].
pub const CAN_TELL: bool = cfg!(target_os = "linux");

/// Who holds a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "access is decided on it, so each answer must be seen")]
pub enum SocketOwner {
    /// The account with this user id.
    Account(u32),
    /// No process: the one that held it has closed it, or it is on another machine.
    Gone,
    /// The system does not say.
    Unknown,
}

/// The other end of an accepted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Who holds it.
    pub owner: SocketOwner,
    /// With [`SocketOwner::Account`]: its number, which descriptors in `/proc` name.
    pub inode: Option<u64>,
}

impl From<SocketOwner> for Socket {
    fn from(owner: SocketOwner) -> Self {
        Self { owner, inode: None }
    }
}

/// Where an answer may come from.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "access is decided on it, so each case must be seen")]
pub enum Source<'a> {
    /// The kernel, by netlink.
    Netlink,
    /// The files `tcp` and `tcp6` of a directory.
    Tables(&'a str),
    /// A function of the near and the far address of an accepted connection. It says nothing of
    /// listeners.
    Function(fn(SocketAddr, SocketAddr) -> Socket),
}

/// All of them, in the order in which they are asked.
pub const SOURCES: &[Source<'static>] = &[Source::Netlink, Source::Tables("/proc/net")];

/// The account that this thread acts as.
#[cfg(unix)]
#[must_use]
pub fn own_account() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The sources that answer on this system. What they need is opened once, so that the answer
/// does not depend on how many descriptors are left when it is needed.
#[derive(Debug)]
pub struct Peers(Vec<OpenSource>);

impl Peers {
    /// All sources that there are.
    #[must_use]
    pub fn new() -> Self {
        Self::by(SOURCES)
    }

    /// These sources, in this order.
    #[must_use]
    pub fn by(sources: &[Source<'_>]) -> Self {
        Self(sources.iter().filter_map(|&source| OpenSource::open(source)).collect())
    }

    /// Who holds the other end of an accepted connection, whose addresses are `near` here and
    /// `far` there.
    #[must_use]
    pub fn client(&self, near: SocketAddr, far: SocketAddr) -> Socket {
        self.first(|source| source.client(near, far)).unwrap_or(SocketOwner::Unknown.into())
    }

    /// Who holds the other end of a connection that was opened from `near` to `far`, or who
    /// will when it is accepted: the account that listens there.
    ///
    /// The listener is asked for first. If the connection is still queued after that, it was
    /// that listener's all the time, since a listener that closes takes its queue with it.
    #[must_use]
    pub fn server(&self, near: SocketAddr, far: SocketAddr) -> SocketOwner {
        self.first(|source| source.server(near, far)).unwrap_or(SocketOwner::Unknown)
    }

    fn first<T>(&self, ask: impl Fn(&OpenSource) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(ask)
    }
}

impl Default for Peers {
    fn default() -> Self {
        Self::new()
    }
}
