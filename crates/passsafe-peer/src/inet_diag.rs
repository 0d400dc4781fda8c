//! Asking the kernel for one socket.

mod message;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::tcp_row::{Pair, Row};
use crate::{Socket, SocketOwner};

/// More than an answer and all that newer kernels append to it.
const MAX_ANSWER_LEN: usize = 8 * 1024;

/// A socket to the kernel, which is known to answer.
#[derive(Debug)]
pub(crate) struct Netlink(Mutex<Line>);

#[derive(Debug)]
struct Line {
    socket: OwnedFd,
    /// Of the last question, and repeated in its answer.
    sequence: u32,
}

impl Netlink {
    /// A kernel without the part that answers says "not found" to everything. So it is asked
    /// for a socket that is there.
    pub(crate) fn open() -> io::Result<Self> {
        let kind = Some(netlink::SOCK_DIAG);
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, kind)?;
        let netlink = Self(Mutex::new(Line { socket, sequence: 0 }));
        let known = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = known.local_addr()?;
        match netlink.listener(Pair::new(address, address))? {
            SocketOwner::Account(_) => Ok(netlink),
            SocketOwner::Gone | SocketOwner::Unknown => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Who holds the end `wanted` of a connection.
    pub(crate) fn holder(&self, wanted: Pair) -> io::Result<Socket> {
        let holder = self.ask(wanted)?.and_then(|row| row.holder(wanted));
        Ok(holder.unwrap_or(SocketOwner::Gone.into()))
    }

    /// Who listens at the local address of `wanted`.
    pub(crate) fn listener(&self, wanted: Pair) -> io::Result<SocketOwner> {
        let listener = self.ask(wanted.listening())?.and_then(|row| row.listener(wanted));
        Ok(listener.map_or(SocketOwner::Gone, |(_, uid)| SocketOwner::Account(uid)))
    }

    fn ask(&self, wanted: Pair) -> io::Result<Option<Row>> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.sequence = line.sequence.wrapping_add(1);
        send(&line.socket, &message::request(wanted, line.sequence), SendFlags::empty())?;
        let mut bytes = vec![0; MAX_ANSWER_LEN];
        loop {
            // The kernel has answered by the time that `send` returns.
            let (length, _) = recv(&line.socket, &mut bytes[..], RecvFlags::DONTWAIT)?;
            let message = bytes.get(..length).unwrap_or_default();
            // What an earlier question left behind, if it failed half-way, is passed over.
            if message::sequence(message)? == line.sequence {
                return message::answer(message);
            }
        }
    }
}
