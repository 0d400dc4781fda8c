//! A secret's file: opened and judged. A regular file or a named pipe, and nothing else: a
//! directory has no bytes, and a device has no end.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::os::patience::within;
use crate::os::streams::note;
use crate::text::failure::{Failure, code, printable};

/// How long a file may take, and a named pipe until there is a writer at its other end. A writer
/// that is there may take its time, as on standard input: it may be asking a person itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

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
    match opened {
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            Err(io::Error::other("no program writes to it"))
        }
        opened => Ok(opened??.into()),
    }
}

/// Reads with `read`: a file in a time of its own, because one that the kernel makes up may wait
/// for what never happens (`/proc/kmsg`); a pipe for as long as its writer takes.
pub(super) fn in_time<T: Send + 'static>(
    mut file: File,
    patience: Duration,
    read: impl FnOnce(&mut File) -> T + Send + 'static,
) -> io::Result<T> {
    if !file.metadata()?.is_file() {
        return Ok(read(&mut file));
    }
    within(patience, move || read(&mut file)).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => io::Error::other("it came to no end within 5 s"),
        _ => error,
    })
}

/// Whether its mode and those of all folders on the way let everybody in.
fn is_open_to_others(path: &Path, metadata: &Metadata) -> bool {
    const READ: u32 = 0o004;
    const PASS: u32 = 0o001;
    let passable = |folder: &Path| fs::metadata(folder).is_ok_and(|it| it.mode() & PASS != 0);
    metadata.mode() & READ != 0
        && fs::canonicalize(path).is_ok_and(|path| path.ancestors().skip(1).all(passable))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_file_without_an_end_is_not_waited_for() {
        let (kept, never) = channel::<()>();
        let file = tempfile::tempfile().unwrap();
        let error = in_time(file, Duration::from_millis(1), move |_| never.recv().is_ok());
        assert_eq!(error.unwrap_err().to_string(), "it came to no end within 5 s");
        drop(kept);
    }
}
