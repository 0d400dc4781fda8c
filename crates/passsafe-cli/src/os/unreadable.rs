//! Starts this program again from a copy that may be executed and not read.
//!
//! From exec to its first instruction a process is open to the account's other programs, and the
//! kernel does not take back what they opened then: who waits for that instant reads what is typed
//! minutes later. Only a process whose executable its account may not read is hidden from the
//! start, and stays hidden when it executes itself again, as the sealing process does to become
//! the serving one. The installed file can be that (mode 0711, of root). Where it is not, a copy
//! in memory is.
//!
//! Does not hold against a program that changes the first process in its first instant, or takes
//! its place. root may read every file, so it gains nothing.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::{Mode, fchmod};
use rustix::process::geteuid;

use super::{exec, inherited, memfd};

/// Executable by everyone, readable by no one.
const UNREADABLE: Mode = Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH);

/// Becomes the same program with the same arguments, from an unreadable copy. Returns if this
/// process was hidden from its start, or if the system refuses, and then it goes on as it is: for
/// want of `/proc`, of memory, or because files in memory may not be executed.
pub(crate) fn start_again(arguments: impl IntoIterator<Item = OsString>) {
    // Whatever the system says of it, a copy is not copied again.
    if is_copy() {
        // Started from a descriptor, it would be listed as that number.
        let _cosmetic = rustix::thread::set_name(c"passsafe");
        return;
    }
    if !inherited::was_dumpable() || geteuid().is_root() {
        return;
    }
    let mut arguments = arguments.into_iter();
    let (Some(name), Ok(copy)) = (arguments.next(), File::open("/proc/self/exe").and_then(copy_of))
    else {
        return;
    };
    let mut again = Command::new(format!("/proc/self/fd/{}", copy.as_raw_fd()));
    again.arg0(name).args(arguments);
    let _goes_on_as_it_is = exec::again(again);
}

fn is_copy() -> bool {
    std::fs::read_link("/proc/self/exe").is_ok_and(|it| it.to_string_lossy().starts_with("/memfd:"))
}

fn copy_of(mut program: File) -> io::Result<OwnedFd> {
    memfd::sealed_program(|copy| {
        io::copy(&mut program, copy)?;
        Ok(fchmod(&*copy, UNREADABLE)?)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::process::{Child, Stdio};

    use super::*;

    /// Of another account than root, which could read it all the same.
    const ACCOUNT: u32 = 65_534;

    fn start(program: &str) -> Child {
        let mut command = Command::new(program);
        command.uid(ACCOUNT).gid(ACCOUNT).stdin(Stdio::piped()).spawn().unwrap()
    }

    /// The kernel gives the files of a hidden process to root.
    fn owner(process: &Child) -> u32 {
        std::fs::metadata(format!("/proc/{}/mem", process.id())).unwrap().uid()
    }

    #[test]
    fn what_runs_from_an_unreadable_copy_is_hidden_from_its_start() {
        assert!(geteuid().is_root(), "another account is needed: run the tests as root");
        let copy = copy_of(File::open("/bin/cat").unwrap()).unwrap();
        rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty()).unwrap();
        for (program, expected) in
            [("/bin/cat", ACCOUNT), (&*format!("/proc/self/fd/{}", copy.as_raw_fd()), 0)]
        {
            let mut process = start(program);
            assert_eq!(owner(&process), expected, "{program}");
            drop(process.stdin.take());
            assert!(process.wait().unwrap().success());
        }
    }
}
