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

#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod diag;
#[cfg(target_os = "linux")]
mod netlink;
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

/// Who holds the other end of an accepted connection, whose addresses are `near` here and
/// `far` there.
#[must_use]
pub fn client(near: SocketAddr, far: SocketAddr) -> Owner {
    client_by(SOURCES, near, far)
}

/// [`client`], from the first of these sources that answers.
#[must_use]
pub fn client_by(sources: &[Source<'_>], near: SocketAddr, far: SocketAddr) -> Owner {
    first(sources, |source| system::client(source, near, far))
}

/// Who holds the other end of a connection that was opened from `near` to `far`, or who will
/// when it is accepted: the account that listens there.
///
/// The listener is asked for first. If the connection is still queued after that, it was
/// that listener's all the time, since a listener that closes takes its queue with it.
#[must_use]
pub fn server(near: SocketAddr, far: SocketAddr) -> Owner {
    server_by(SOURCES, near, far)
}

/// [`server`], from the first of these sources that answers.
#[must_use]
pub fn server_by(sources: &[Source<'_>], near: SocketAddr, far: SocketAddr) -> Owner {
    first(sources, |source| system::server(source, near, far))
}

fn first(sources: &[Source<'_>], ask: impl Fn(Source<'_>) -> Option<Owner>) -> Owner {
    sources.iter().find_map(|&source| ask(source)).unwrap_or(Owner::Unknown)
}

#[cfg(target_os = "linux")]
mod system {
    use std::net::SocketAddr;

    use super::{Owner, Source, netlink, tables};
    use crate::row::Pair;

    /// `None` if the source does not answer.
    pub(super) fn client(source: Source<'_>, near: SocketAddr, far: SocketAddr) -> Option<Owner> {
        let far_end = Pair::new(far, near);
        match source {
            Source::Netlink => netlink::holder(far_end),
            Source::Tables(folder) => tables::holder(folder, far_end),
        }
        .ok()
    }

    pub(super) fn server(source: Source<'_>, near: SocketAddr, far: SocketAddr) -> Option<Owner> {
        let far_end = Pair::new(far, near);
        let (listener, holder) = match source {
            Source::Netlink => (netlink::listener(far_end).ok()?, netlink::holder(far_end).ok()?),
            Source::Tables(folder) => {
                (tables::listener(folder, far_end).ok()?, tables::holder(folder, far_end).ok()?)
            }
        };
        Some(match holder {
            Owner::Account(_) => holder,
            Owner::Gone | Owner::Unknown => listener,
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    use super::{Owner, Source};

    pub(super) fn client(_: Source<'_>, _: SocketAddr, _: SocketAddr) -> Option<Owner> {
        None
    }

    pub(super) fn server(_: Source<'_>, _: SocketAddr, _: SocketAddr) -> Option<Owner> {
        None
    }
}
