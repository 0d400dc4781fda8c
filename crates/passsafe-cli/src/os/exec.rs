//! Becoming another program, and starting this one again.
//!
//! exec, not a child: terminal, job control, signals and exit status are the program's own. It
//! finds everything as passsafe's caller had it, but for its environment.

use std::ffi::{CString, OsStr};
use std::io;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::environment;
use super::hardening::Hardened;
use super::inherited;
use crate::text::failure::{Failure, code};

/// Becomes the program; returns only if the system refuses.
pub(crate) fn exec(mut command: Command, hardened: Hardened) -> Failure {
    inherited::close_what_was_closed();
    inherited::pass_signals_on(&mut command);
    hardened.undo_for_another_program();
    let error = command.exec();
    refused(command.get_program(), &error)
}

/// Becomes this program once more; returns only if the system refuses.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn again(mut command: Command) -> io::Error {
    inherited::close_what_was_closed();
    inherited::pass_signals_on(&mut command);
    command.exec()
}

/// Finds errors of [`exec`] beforehand, before a person types a password for a program that does
/// not exist.
pub(crate) fn check(program: &OsStr) -> Result<(), Failure> {
    let places = if is_path(program) {
        vec![PathBuf::from(program)]
    } else {
        // Without a PATH the system searches folders of its own choice.
        let Some(path) = environment::path() else { return Ok(()) };
        std::env::split_paths(&path).map(|folder| folder.join(program)).collect()
    };
    let mut error = Errno::NOENT;
    for place in &places {
        match executable(place) {
            Ok(()) => return Ok(()),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(other) => error = other,
        }
    }
    Err(refused(program, &error.into()))
}

fn executable(path: &Path) -> Result<(), Errno> {
    access(path, Access::EXEC_OK)?;
    if path.is_dir() { Err(Errno::ACCESS) } else { Ok(()) }
}

fn refused(program: &OsStr, error: &io::Error) -> Failure {
    if error.kind() != io::ErrorKind::NotFound {
        return Failure::new(
            code::NOT_EXECUTABLE,
            format!("{} cannot be executed: {error}", program.display()),
            "check its permissions",
        );
    }
    // The missing file may be the interpreter that the first line names.
    if is_path(program) && Path::new(program).exists() {
        return Failure::new(
            code::NOT_EXECUTABLE,
            format!("{} cannot be executed: its interpreter was not found", program.display()),
            "check its first line",
        );
    }
    Failure::new(
        code::NOT_FOUND,
        format!("there is no program {}", program.display()),
        "check its name and the PATH",
    )
}

fn is_path(program: &OsStr) -> bool {
    program.as_encoded_bytes().contains(&b'/')
}

/// The running file itself, even if it was replaced since.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn own_executable() -> CString {
    c"/proc/self/exe".into()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn own_executable() -> CString {
    let path = std::env::current_exe().unwrap_or_else(|_| "passsafe".into());
    CString::new(path.into_os_string().as_bytes()).unwrap_or_default()
}
