//! Descriptors that another process left open for this one: the only `unsafe` of the crate.
//!
//! unsafe, because a number says nothing about who owns the descriptor behind it. Sound
//! here: the numbers come from the sealing process, which opened these descriptors for
//! nothing else and is gone; each is taken once, at the start, before anything else opens
//! one. A number that is not open, or one of the three standard streams, is refused.
#![expect(unsafe_code, reason = "see above")]

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

/// Takes over an inherited descriptor and keeps it from later children.
pub(super) fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: borrowed only for two calls that fail cleanly if the number is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_getfd(borrowed)?;
    fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    // SAFETY: it is open, as was just seen, and nothing else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
