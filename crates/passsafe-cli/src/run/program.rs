//! The program that `run` becomes: whether there is one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::environment;
use crate::failure::{Failure, code};

/// Refuses a program that is nowhere to be found. What the system would look for elsewhere, or
/// in another way, is left to it.
pub(super) fn must_exist(program: &OsStr) -> Result<(), Failure> {
    if is_path(program) {
        // A path in a folder that this account cannot enter may exist.
        return match fs::metadata(program) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_found(program)),
            _ => Ok(()),
        };
    }
    let Some(folders) = environment::search_path() else { return Ok(()) };
    let is_there = std::env::split_paths(&folders).any(|folder| {
        let missing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        // An empty one is the current folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &*folder };
        !fs::metadata(folder.join(program)).is_err_and(missing)
    });
    if is_there { Ok(()) } else { Err(not_found(program)) }
}

/// For a program that the system does not find. The file may be there and what it names in
/// its first line not.
pub(super) fn not_found(program: &OsStr) -> Failure {
    if is_path(program) && Path::new(program).exists() {
        return Failure::new(
            code::NOT_EXECUTABLE,
            format!("{} cannot be executed: its interpreter is not there", program.display()),
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
    program.as_bytes().contains(&b'/')
}
