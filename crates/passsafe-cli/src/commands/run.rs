//! `passsafe run`: becomes a program that has secrets in its environment, on its standard
//! input or in files.
//!
//! exec, not a child: terminal, job control, signals and exit status are the program's own.
//! It starts as if without `run`: same signals, descriptors, limits and directory.

mod destinations;

use std::ffi::OsString;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Command, Stdio};

use passsafe_core::Secret;

use crate::cli::args::RunArgs;
use crate::commands::open;
use crate::os::{environment, exec, hardening};
use crate::text::failure::{Failure, code};
use destinations::Destinations;

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::new(code::USAGE, "there is no program to run", "name it after --"));
    };
    destinations::check(&args.destinations)?;
    // Before anything is asked, and before the safe counts a use.
    if !args.destinations.env.iter().any(|mapping| mapping.variable == "PATH") {
        exec::check(program)?;
    }
    let hardened = hardening::harden();
    hardened.warn();
    let opened = open::entries(&args.safe, &args.user)?;
    let Destinations { variables, stdin, files } =
        Destinations::of(&args.destinations, &opened.entries)
            .map_err(|failure| opened.used_up_by(failure))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    if args.keep_credentials {
        command.envs(environment::whole());
    } else {
        command.envs(environment::without_ours());
    }
    for (variable, secret) in variables {
        command.env(variable, OsString::from_vec(secret.expose().to_vec()));
    }
    // They stay open across exec.
    let mut open_files = Vec::new();
    for (variable, secret) in files {
        let file = in_memory(secret)?;
        // By number and not /proc/self, for children that close what they inherit: they reach
        // the program's own.
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        command.env(variable, path);
        open_files.push(file);
    }
    if let Some(secret) = stdin {
        command.stdin(Stdio::from(destinations::piped(secret)?));
    }
    drop(opened);
    let failure = exec::exec(command, hardened);
    drop(open_files);
    Err(failure)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn in_memory(secret: &Secret) -> Result<OwnedFd, Failure> {
    use rustix::fs::{Mode, fchmod};
    use rustix::io::{FdFlags, fcntl_setfd};

    use crate::os::limits;

    let file = || -> std::io::Result<OwnedFd> {
        let file = crate::os::memfd::sealed(secret.expose())?;
        // Programs refuse a key that others could read.
        fchmod(&file, Mode::RUSR)?;
        fcntl_setfd(&file, FdFlags::empty())?;
        Ok(file)
    };
    file().map_err(|error| limits::refused("the file in memory cannot be made", error))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn in_memory(_: &Secret) -> Result<OwnedFd, Failure> {
    Err(destinations::no_files_in_memory())
}
