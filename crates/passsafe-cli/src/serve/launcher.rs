//! The launcher: a process that waits to become the program of `serve -- CMD`.
//!
//! It is started before the first question, while the sealing process is still as its caller
//! left it: the program has the caller's signals, limits and descriptors, and nothing needs to
//! be put back. It never shares an address space with a secret of the sealing process.
//!
//! It reads a pipe to its end. The sealing process writes the variables into it, and the serving
//! one, once it serves, a last byte. If a question was not answered or the server did not start,
//! the pipe ends without that byte, and the launcher ends too.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::io::{FdFlags, fcntl_setfd};
use zeroize::Zeroizing;

use super::credentials::Credentials;
use crate::cli::hidden::{LAUNCHER_VERB, LauncherArgs};
use crate::os::exec::own_executable;
use crate::os::inherited;
use crate::os::{environment, exec, hardening, limits};
use crate::text::failure::{Failure, code};

/// NUL ends each NAME=value; a second NUL releases the program.
const END: u8 = 0;

/// A waiting process, and the pipe to it.
pub(crate) struct Launcher {
    pipe: PipeWriter,
    process: u32,
}

impl Launcher {
    /// Starts a process that waits to become the program. Comes before all that changes this
    /// process, and before its first secret.
    pub(crate) fn start(command: &[OsString]) -> Result<Self, Failure> {
        if let Some(program) = command.first() {
            exec::check(program)?;
        }
        try_start(command)
            .map_err(|error| limits::refused("no process can be started for the program", error))
    }

    /// Gives the program what opens the safe. `owner`, the account that serves, is named if
    /// other accounts may connect.
    pub(crate) fn give(&self, credentials: &Credentials, owner: Option<u32>) {
        let owner = owner.map(|uid| uid.to_string());
        let user = credentials.user.as_str().filter(|_| credentials.named_user || owner.is_some());
        let variables = [
            (environment::URL, Some(&*credentials.url)),
            (environment::PASSPHRASE, Some(credentials.passphrase.expose())),
            (environment::TOKEN, Some(credentials.token.expose())),
            (environment::USER, user),
            (environment::OWNER, owner.as_deref()),
        ];
        // Room for all of them, so that nothing moves and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(4_096));
        for (name, value) in variables {
            let Some(value) = value else { continue };
            for part in [name.as_bytes(), b"=", value.as_bytes(), &[END]] {
                bytes.extend_from_slice(part);
            }
        }
        // If the process is gone, the serving one sees how.
        let _gone = (&self.pipe).write_all(&bytes);
    }

    /// For the serving process: its end of the pipe, to be kept across exec, and the number of
    /// the process.
    pub(crate) fn into_parts(self) -> (OwnedFd, u32) {
        (self.pipe.into(), self.process)
    }
}

fn try_start(command: &[OsString]) -> io::Result<Launcher> {
    let (reader, pipe) = io::pipe()?;
    fcntl_setfd(&reader, FdFlags::empty())?;
    let mut launcher = Command::new(OsStr::from_bytes(own_executable().as_bytes()));
    launcher.arg0("passsafe").arg(LAUNCHER_VERB).arg(format!("--pipe={}", reader.as_raw_fd()));
    launcher.arg("--").args(command);
    inherited::close_what_was_closed();
    inherited::pass_signals_on(&mut launcher);
    Ok(Launcher { pipe, process: launcher.spawn()?.id() })
}

/// The launcher itself: waits, and becomes the program.
pub(crate) fn run(args: &LauncherArgs) -> Result<ExitCode, Failure> {
    let hardened = hardening::harden();
    #[cfg(target_os = "linux")]
    let _cosmetic = rustix::thread::set_name(c"passsafe");
    let received = receive(args.pipe).map_err(|error| {
        Failure::new(
            code::BEFORE_PROGRAM,
            format!("the way from the serving process is broken: {error}"),
            "start a program with 'passsafe serve -- CMD'",
        )
    })?;
    let (Some(variables), Some((program, arguments))) =
        (when_released(&received), args.command.split_first())
    else {
        // The process that did not release it has said why.
        return Ok(ExitCode::from(code::BEFORE_PROGRAM));
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment::without_ours()).envs(variables);
    drop(received);
    Err(exec::exec(command, hardened))
}

fn receive(pipe: i32) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4_096));
    for descriptor in inherited::take(&[pipe])? {
        File::from(descriptor).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Names and values, if the last byte is the one that releases.
fn when_released(received: &[u8]) -> Option<Vec<(&OsStr, &OsStr)>> {
    let variables = received.strip_suffix(&[END, END])?;
    variables
        .split(|byte| *byte == END)
        .map(|variable| {
            let equals = variable.iter().position(|byte| *byte == b'=')?;
            let (name, value) = variable.split_at(equals);
            Some((OsStr::from_bytes(name), OsStr::from_bytes(value.get(1..)?)))
        })
        .collect()
}

/// Lets the program start.
pub(crate) fn release(pipe: OwnedFd) -> io::Result<()> {
    File::from(pipe).write_all(&[END])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_byte_releases() {
        let pair = |name, value| (OsStr::new(name), OsStr::new(value));
        assert_eq!(when_released(b"A=1\0B=x=\0\0").unwrap(), [pair("A", "1"), pair("B", "x=")]);
        for held_back in [&b""[..], b"\0", b"A=1", b"A=1\0", b"A=1\0B=2\0", b"A=1\0\0B"] {
            assert_eq!(when_released(held_back), None, "{held_back:?}");
        }
        assert_eq!(when_released(b"A\0\0"), None);
    }
}
