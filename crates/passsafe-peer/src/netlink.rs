//! Asking the kernel for one socket.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::Owner;
use crate::diag;
use crate::row::{Pair, Row};

/// More than an answer and all that newer kernels append to it.
const MAX_ANSWER_LEN: usize = 8 * 1024;

/// Who holds the end `wanted` of a connection.
pub(crate) fn holder(wanted: Pair) -> io::Result<Owner> {
    Ok(ask(wanted)?.and_then(|row| row.holder(wanted)).map_or(Owner::Gone, Owner::Account))
}

/// Who listens at the local address of `wanted`.
pub(crate) fn listener(wanted: Pair) -> io::Result<Owner> {
    let listener = ask(wanted.listening())?.and_then(|row| row.listener(wanted));
    Ok(listener.map_or(Owner::Gone, |(_, uid)| Owner::Account(uid)))
}

fn ask(wanted: Pair) -> io::Result<Option<Row>> {
    let found = exchange(wanted)?;
    if found.is_none() { answers_at_all().map(|()| None) } else { Ok(found) }
}

/// A kernel without the part that answers says "not found" to everything. So it is asked for
/// a socket that is there.
fn answers_at_all() -> io::Result<()> {
    let known = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = known.local_addr()?;
    let wanted = Pair::new(address, address).listening();
    match exchange(wanted)?.and_then(|row| row.listener(wanted)) {
        Some(_) => Ok(()),
        None => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn exchange(pair: Pair) -> io::Result<Option<Row>> {
    let kind = Some(netlink::SOCK_DIAG);
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, kind)?;
    send(&socket, &diag::request(pair), SendFlags::empty())?;
    let mut bytes = vec![0; MAX_ANSWER_LEN];
    // The kernel has answered by the time that `send` returns.
    let (length, _) = recv(&socket, &mut bytes[..], RecvFlags::DONTWAIT)?;
    diag::answer(bytes.get(..length).unwrap_or_default())
}
