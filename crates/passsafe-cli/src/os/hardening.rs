//! What a process that handles secrets does to itself before it touches one.
//!
//! - Undumpable (Linux): no core dump, with any limits and core pattern; another
//!   process of the same account can neither attach a debugger nor read `/proc/PID/mem` or
//!   `environ`. Root can. exec undoes it, so each process does it again, and is started from a copy
//!   that needs it no more (`unreadable`).
//! - No core files (every Unix): the only measure where there is no such switch.
//! - Its heap locked in memory and left out of dumps, and wiped when freed; see
//!   `passsafe-heap`. Where the system refuses, the person is told and the work goes on:
//!   without swap, or with an encrypted one, nothing is lost.
//!
//! The libraries do none of this: they run in other programs' processes.

use std::io::{self, ErrorKind};

use passsafe_heap::Heap;
#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::streams::note;

#[global_allocator]
static HEAP: Heap = Heap::new();

/// What was refused, and the limits as they were.
pub(crate) struct Hardened {
    hidden: io::Result<()>,
    locked: io::Result<()>,
    #[cfg(unix)]
    core_files: Rlimit,
}

/// Hardens this process.
pub(crate) fn harden() -> Hardened {
    Hardened {
        hidden: hide(),
        locked: HEAP.lock(),
        #[cfg(unix)]
        core_files: forbid_core_files(),
    }
}

impl Hardened {
    /// Warns of what was refused.
    pub(crate) fn warn(&self) {
        if let Err(error) = &self.hidden {
            note(&format!("warning: debuggers cannot be kept out of this process ({error})\n"));
        }
        if let Err(error) = &self.locked {
            note(&not_locked(error));
        }
    }

    /// Takes back what would outlive exec.
    #[cfg(unix)]
    pub(crate) fn undo_for_another_program(self) {
        // A soft limit may be raised to the hard one, which was never touched.
        let _cannot_fail = setrlimit(Resource::Core, self.core_files);
    }
}

fn not_locked(error: &io::Error) -> String {
    // What else may fail is to find the stack, without /proc.
    let is_limit = matches!(error.kind(), ErrorKind::OutOfMemory | ErrorKind::PermissionDenied);
    let hint = if is_limit { "; see 'ulimit -l'" } else { "" };
    format!("warning: memory cannot be locked, so secrets may reach swap ({error}){hint}\n")
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn hide() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "as where the system can refuse")]
fn hide() -> io::Result<()> {
    Ok(())
}

/// The limits as they were.
#[cfg(unix)]
fn forbid_core_files() -> Rlimit {
    let before = getrlimit(Resource::Core);
    // The soft limit alone, so that `run` can give it back. Lowering it cannot fail.
    let _cannot_fail = setrlimit(Resource::Core, Rlimit { current: Some(0), ..before });
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_is_one_to_raise() {
        let is_advised = |kind: ErrorKind| not_locked(&kind.into()).contains("ulimit");
        assert!(is_advised(ErrorKind::OutOfMemory) && is_advised(ErrorKind::PermissionDenied));
        assert!(!is_advised(ErrorKind::NotFound));
    }
}
