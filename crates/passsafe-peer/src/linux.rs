//! The sources of Linux: netlink, and the tables below `/proc/net`.

use std::io;
use std::net::SocketAddr;

use crate::inet_diag::Netlink;
use crate::proc_net;
use crate::tcp_row::Pair;
use crate::{Socket, SocketOwner, Source};

#[derive(Debug)]
pub(crate) enum OpenSource {
    Netlink(Netlink),
    Tables(String),
    Function(fn(SocketAddr, SocketAddr) -> Socket),
}

impl OpenSource {
    /// `None` if the source does not answer on this machine.
    pub(crate) fn open(source: Source<'_>) -> Option<Self> {
        match source {
            Source::Netlink => Netlink::open().ok().map(Self::Netlink),
            Source::Tables(folder) => Some(Self::Tables(folder.to_owned())),
            Source::Function(ask) => Some(Self::Function(ask)),
        }
    }

    /// `None` if the source does not answer this time.
    pub(crate) fn client(&self, near: SocketAddr, far: SocketAddr) -> Option<Socket> {
        match self {
            Self::Function(ask) => Some(ask(near, far)),
            _ => self.holder(Pair::new(far, near)).ok(),
        }
    }

    /// `None` if the source does not answer this time.
    pub(crate) fn server(&self, near: SocketAddr, far: SocketAddr) -> Option<SocketOwner> {
        let far_end = Pair::new(far, near);
        let listener = self.listener(far_end).ok()?;
        Some(match self.holder(far_end).ok()?.owner {
            SocketOwner::Gone | SocketOwner::Unknown => listener,
            holder @ SocketOwner::Account(_) => holder,
        })
    }

    fn holder(&self, end: Pair) -> io::Result<Socket> {
        match self {
            Self::Netlink(netlink) => netlink.holder(end),
            Self::Tables(folder) => proc_net::holder(folder, end),
            Self::Function(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn listener(&self, end: Pair) -> io::Result<SocketOwner> {
        match self {
            Self::Netlink(netlink) => netlink.listener(end),
            Self::Tables(folder) => proc_net::listener(folder, end),
            Self::Function(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
