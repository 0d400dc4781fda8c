//! The account at the other end of a Unix socket, asked as each system wants it.

use std::os::fd::AsFd;

use crate::SocketOwner;

/// Who holds the other end of a connected Unix socket, as the system noted it when the two
/// were connected.
#[must_use]
pub fn unix_socket(socket: impl AsFd) -> SocketOwner {
    uid(socket).map_or(SocketOwner::Unknown, SocketOwner::Account)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn uid(socket: impl AsFd) -> Option<u32> {
    Some(rustix::net::sockopt::socket_peercred(socket).ok()?.uid.as_raw())
}

#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
))]
fn uid(socket: impl AsFd) -> Option<u32> {
    Some(nix::unistd::getpeereid(socket).ok()?.0.as_raw())
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
fn uid(_: impl AsFd) -> Option<u32> {
    None
}
