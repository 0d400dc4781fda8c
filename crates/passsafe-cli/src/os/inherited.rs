//! What another process left for this one: open descriptors, ignored signals, closed streams.
//! The only `unsafe` of the crate.
//!
//! unsafe, because a number says nothing about who owns the descriptor behind it. Sound
//! here: the numbers come from the sealing process, which opened these descriptors for
//! nothing else and is gone, and they are taken once, at the start, before this process
//! opens one of its own. Numbers that are not open, that are given twice, or that are one of the
//! three standard streams are refused, all of them before the first is taken.
//!
//! unsafe, too, because the standard library changes signals and streams before `main`: it
//! ignores SIGPIPE and opens the null device in place of a stream that was closed. A program
//! that passsafe starts must get neither. So one function runs before `main`, which makes system
//! calls and sets one number, and one runs last before exec. The first also keeps debuggers out,
//! before there is a secret.
#![expect(unsafe_code, reason = "see above")]

use std::collections::HashSet;
use std::fs;
use std::io::{self, stderr, stdin, stdout};
use std::os::fd::{AsFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc::{self, c_int};
use rustix::io::{FdFlags, fcntl_setfd};

/// Takes over inherited descriptors and keeps them from later children.
pub(crate) fn take(numbers: &[RawFd]) -> io::Result<Vec<OwnedFd>> {
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

/// Has exec close all but the standard streams and these: the next program must not get what the
/// caller left open, which may be a secret's file.
pub(crate) fn keep_only(kept: &[RawFd]) -> io::Result<()> {
    let open: Vec<RawFd> = fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in open.into_iter().filter(|number| *number > 2 && !kept.contains(number)) {
        // SAFETY: borrowed for one call, which fails cleanly where the number is not open any
        // more, as that by which they were listed.
        let _closed_since =
            fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, FdFlags::CLOEXEC);
    }
    Ok(())
}

/// Those that end a process: SIGPIPE is changed from the start, the others get handlers.
const SIGNALS: [c_int; 7] = [
    libc::SIGPIPE,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// A bit for each of [`SIGNALS`] that was ignored, then one for each stream that was closed, and
/// one if debuggers could attach.
static FOUND: AtomicU32 = AtomicU32::new(0);

// SAFETY: the section holds functions that the loader calls once each, before `main`, with
// arguments that this one ignores. It relies on nothing that is set up later.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static BEFORE_MAIN: extern "C" fn() = look_around;

extern "C" fn look_around() {
    let dumpable = hide();
    let ignored = SIGNALS.iter().map(|&signal| {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: asks only, and writes to a place of the right type; a C struct of numbers,
        // all of whose bits may be zero.
        unsafe {
            libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
            action.assume_init().sa_sigaction == libc::SIG_IGN
        }
    });
    // SAFETY: asks for the flags of a number, open or not.
    let closed = (0..3).map(|number| unsafe { libc::fcntl(number, libc::F_GETFD) } == -1);
    let bits = ignored.chain(closed).chain([dumpable]).enumerate();
    let found = bits.fold(0, |bits, (place, is_set)| bits | (u32::from(is_set) << place));
    FOUND.store(found, Ordering::Relaxed);
}

/// A process that has opened another one's memory keeps it open. So this comes as early as it can;
/// what remains is the time from exec to here. Says whether there was such a time.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn hide() -> bool {
    // SAFETY: system calls that take numbers alone.
    unsafe {
        let before = libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0);
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        before == 1
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn hide() -> bool {
    false
}

fn found(place: usize) -> bool {
    FOUND.load(Ordering::Relaxed) & (1 << place) != 0
}

/// Whether the caller had this process ignore a signal that ends processes.
pub(crate) fn was_ignored(signal: c_int) -> bool {
    SIGNALS.iter().position(|it| *it == signal).is_some_and(found)
}

/// Whether standard input, output or error was closed when this process started.
pub(crate) fn was_closed(stream: usize) -> bool {
    found(SIGNALS.len() + stream)
}

/// Whether debuggers could attach to this process when it started.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn was_dumpable() -> bool {
    found(SIGNALS.len() + 3)
}

/// Has exec close the standard streams again that were closed.
pub(crate) fn close_what_was_closed() {
    for (number, stream) in [stdin().as_fd(), stdout().as_fd(), stderr().as_fd()].iter().enumerate()
    {
        if was_closed(number) {
            // An open descriptor, whose flags no system refuses to set.
            let _cannot_fail = fcntl_setfd(stream, FdFlags::CLOEXEC);
        }
    }
}

/// Has `command` start with the signals as this process found them. The standard library
/// alone would have SIGPIPE deadly, and exec each other one that was caught here. What is
/// blocked stays so by itself.
pub(crate) fn pass_signals_on(command: &mut Command) {
    let ignore_again = || {
        for (place, &number) in SIGNALS.iter().enumerate() {
            if found(place) {
                // SAFETY: ignoring a signal calls no handler. No system refuses these numbers.
                unsafe { libc::signal(number, libc::SIG_IGN) };
            }
        }
        Ok(())
    };
    // SAFETY: it allocates nothing and takes no lock, so it may run between fork and exec;
    // here it runs right before exec, without a fork.
    unsafe { command.pre_exec(ignore_again) };
}
