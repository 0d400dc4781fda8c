//! Descriptors that another process left open for this one: the only `unsafe` of the crate.
//!
//! unsafe, because a number says nothing about who owns the descriptor behind it. Sound
//! here: the numbers come from the sealing process, which opened these descriptors for
//! nothing else and is gone, and they are taken once, at the start, before this process
//! opens one of its own. Numbers that are not open, that stand twice, or that are one of the
//! three standard streams are refused, all of them before the first is taken.
#![expect(unsafe_code, reason = "see above")]

use std::collections::HashSet;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};

/// Takes over inherited descriptors and keeps them from later children.
pub(super) fn take(numbers: &[RawFd]) -> io::Result<Vec<OwnedFd>> {
    let different: HashSet<_> = numbers.iter().collect();
    if different.len() < numbers.len() || numbers.iter().any(|&number| number <= 2) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for &number in numbers {
        // SAFETY: borrowed for one call, which fails cleanly if the number is not open.
        fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, FdFlags::CLOEXEC)?;
    }
    // SAFETY: all are open, as was just seen, none twice, and nothing in this process owns
    // them: it has opened nothing yet.
    Ok(numbers.iter().map(|&number| unsafe { OwnedFd::from_raw_fd(number) }).collect())
}
