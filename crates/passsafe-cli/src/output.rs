//! Answers on stdout, written without a buffer that would keep a copy.

#[cfg(unix)]
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write as _, stderr, stdout};
#[cfg(unix)]
use std::os::fd::AsFd as _;
#[cfg(windows)]
use std::os::windows::io::AsHandle as _;
#[cfg(unix)]
use std::sync::mpsc;
#[cfg(unix)]
use std::thread;

use crate::failure::{Failure, code};
#[cfg(unix)]
use crate::serve::inherited;

/// Writes `bytes` to stdout, all of them or an error.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    unbuffered().and_then(|mut file| file.write_all(bytes)).map_err(|error| {
        Failure::new(
            code::IO,
            format!("the answer cannot be written to standard output: {error}"),
            "check what standard output is connected to",
        )
    })
}

#[cfg(unix)]
fn unbuffered() -> io::Result<File> {
    // std opens the null device there, where an answer would vanish.
    if inherited::was_closed(1) {
        return Err(io::Error::other("it is closed"));
    }
    stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn unbuffered() -> io::Result<File> {
    stdout().as_handle().try_clone_to_owned().map(File::from)
}

/// Writes `text` to stderr; if that is gone, there is nobody to tell.
pub(crate) fn note(text: &str) {
    let _nobody_to_tell = stderr().lock().write_all(text.as_bytes());
}

/// As [`note`], on a thread of its own: a stderr that nobody reads (a full pipe, a terminal
/// held by Ctrl-S) must not keep a safe alive. Says when it is written.
#[cfg(unix)]
pub(crate) fn note_aside(text: impl Into<Cow<'static, str>>) -> mpsc::Receiver<()> {
    let (written, is_written) = mpsc::channel();
    let text = text.into();
    thread::spawn(move || {
        note(&text);
        // Whether anybody still waits is their business.
        let _late = written.send(());
    });
    is_written
}
