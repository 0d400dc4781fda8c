//! Answers on stdout, written without a buffer that would keep a copy; messages on stderr.

use std::fs::File;
use std::io::{self, Write as _, stderr, stdin, stdout};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;

#[cfg(unix)]
use super::inherited;
use crate::text::failure::{Failure, code};
use crate::text::wrap;

/// Writes `bytes` to stdout, all of them or an error.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    unbuffered_stdout()
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| unwritten(&error))
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::new(
        code::IO,
        format!("the answer cannot be written to standard output: {error}"),
        "check what standard output is connected to",
    )
}

/// Whether stdout takes an answer, as far as that can be told without one: a full disk cannot.
pub(crate) fn check_stdout() -> Result<(), Failure> {
    // Of no bytes at all, which a closed pipe and a full device refuse all the same.
    unbuffered_stdout().and_then(|file| takes_bytes(&file)).map_err(|error| unwritten(&error))
}

#[cfg(unix)]
fn takes_bytes(mut file: &File) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let _none = file.write(b"")?;
    let mut polled = [PollFd::new(file, PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec::default()))?;
    if polled.iter().any(|it| it.revents().contains(PollFlags::ERR)) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as where the system can tell")]
fn takes_bytes(_: &File) -> io::Result<()> {
    Ok(())
}

fn unbuffered_stdout() -> io::Result<File> {
    // std opens the null device there, where an answer would vanish.
    #[cfg(unix)]
    if inherited::was_closed(1) {
        return Err(io::Error::other("it is closed"));
    }
    unbuffered(stdout())
}

/// Standard input, past the standard library's buffer, which is never wiped.
pub(crate) fn unbuffered_stdin() -> io::Result<File> {
    unbuffered(stdin())
}

#[cfg(unix)]
fn unbuffered(stream: impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn unbuffered(stream: impl AsHandle) -> io::Result<File> {
    stream.as_handle().try_clone_to_owned().map(File::from)
}

/// Writes `text` to stderr, in lines that fit where it is a terminal, and ignores that it is
/// closed.
pub(crate) fn note(text: &str) {
    let fitting = columns().map(|columns| wrap::message(text, columns));
    let text = fitting.as_deref().unwrap_or(text);
    let _closed = stderr().lock().write_all(text.as_bytes());
}

/// How wide the terminal is that stderr leads to, if it tells.
fn columns() -> Option<usize> {
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(stderr()).ok().map(|size| size.ws_col);
    #[cfg(not(unix))]
    let columns = None::<u16>;
    columns.map(usize::from).filter(|columns| *columns > 0)
}
