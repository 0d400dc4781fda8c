//! A secret's file: opened and judged. A regular file or a named pipe, and nothing else: a
//! directory has no bytes, and a device has no end.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::os::patience::within;
use crate::os::streams::note;
use crate::text::failure::{Failure, code, printable};

/// How long to wait for a writer at the other end of a named pipe. A writer that is there may
/// take its time, as on standard input: it may be asking a person itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens it for reading. Tells the person if other accounts can read it as well.
pub(super) fn open(path: &Path) -> Result<File, Failure> {
    let failed = |error: &io::Error| unreadable(path, error);
    let judge = |metadata: &Metadata| match refusal(metadata) {
        Some(reason) => Err(refused(path, reason, "name a file or a named pipe")),
        None => Ok(()),
    };
    // Before it is opened: opening a device can do something to it.
    judge(&fs::metadata(path).map_err(|error| failed(&error))?)?;
    let file = open_in_time(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    judge(&metadata)?;
    if metadata.is_file() && is_open_to_others(path, &metadata) {
        note(&format!(
            "warning: every account can read {}; 'chmod 600' keeps the others out\n",
            printable(&path.to_string_lossy())
        ));
    }
    Ok(file)
}

/// For a file from which nothing can be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let hint = if path.starts_with("~") {
        "the shell replaces ~ only where a word begins: write \"$HOME\" in its place"
    } else {
        "check its path and permissions"
    };
    refused(path, &error.to_string(), hint)
}

fn refused(path: &Path, reason: &str, hint: &str) -> Failure {
    Failure::new(code::NO_INPUT, format!("{} cannot be read: {reason}", path.display()), hint)
}

fn refusal(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() || kind.is_fifo() => None,
        () if kind.is_dir() => Some("it is a directory"),
        () => Some("it is neither a file nor a pipe"),
    }
}

/// Opening a named pipe waits for a writer.
fn open_in_time(path: &Path) -> io::Result<File> {
    let path: PathBuf = path.to_owned();
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = within(PATIENCE, move || rustix::fs::open(path, flags, Mode::empty()));
    let opened = opened.ok_or_else(|| io::Error::other("no program writes to it"))?;
    Ok(opened?.into())
}

/// Whether its mode and those of all folders on the way let everybody in.
fn is_open_to_others(path: &Path, metadata: &Metadata) -> bool {
    const READ: u32 = 0o004;
    const PASS: u32 = 0o001;
    let passable = |folder: &Path| fs::metadata(folder).is_ok_and(|it| it.mode() & PASS != 0);
    metadata.mode() & READ != 0
        && fs::canonicalize(path).is_ok_and(|path| path.ancestors().skip(1).all(passable))
}
