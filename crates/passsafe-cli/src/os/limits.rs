//! Limits that the system sets for this process and its account, and how to raise them.

use std::io;

use crate::text::failure::Failure;

/// What helps where memory is short.
pub(crate) const MORE_MEMORY: &str = "free memory, or raise its limit: ulimit -v";
/// Descriptors of a safe that serves: streams, listeners, terminal, runtime, and a few callers.
#[cfg(unix)]
const FILES: u64 = 32;
#[cfg(unix)]
const MORE_FILES: &str = "raise the limit of open files: ulimit -n";

/// What the system refused, and the limit to raise where it is one.
pub(crate) fn refused(what: &str, error: impl Into<io::Error>) -> Failure {
    let error = error.into();
    let failure = Failure::os(what, &error);
    match hint(&error) {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// The limit that the system's refusal is due to.
#[cfg(unix)]
pub(crate) fn hint(error: &io::Error) -> Option<&'static str> {
    use rustix::io::Errno;
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some(MORE_FILES),
        Errno::ADDRNOTAVAIL => {
            Some("end programs that hold many connections, or wait a minute and try again")
        }
        Errno::NFILE => Some("end other programs, or have the system allow more open files"),
        Errno::AGAIN => Some("end other programs, or raise the limit of processes: ulimit -u"),
        Errno::NOMEM | Errno::NOBUFS => Some(MORE_MEMORY),
        _ => None,
    }
}

#[cfg(not(unix))]
pub(crate) fn hint(_: &io::Error) -> Option<&'static str> {
    None
}

/// Finds out beforehand what would end a safe once its credentials are shown.
#[cfg(unix)]
pub(crate) fn check() -> Result<(), Failure> {
    use rustix::process::{Resource, getrlimit};
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < FILES => {
            let message = format!("this process may open {files} files, and a safe takes {FILES}");
            Err(Failure::new(crate::text::failure::code::OS, message, MORE_FILES))
        }
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_limit_is_named_and_nothing_else_is_one() {
        for (errno, limit) in [
            (Errno::MFILE, Some("ulimit -n")),
            (Errno::AGAIN, Some("ulimit -u")),
            (Errno::NOMEM, Some("ulimit -v")),
            (Errno::NOENT, None),
            (Errno::PERM, None),
        ] {
            let hint = hint(&errno.into());
            assert_eq!(hint.is_some(), limit.is_some(), "{errno}");
            assert!(limit.is_none_or(|limit| hint.is_some_and(|it| it.ends_with(limit))));
        }
    }
}
