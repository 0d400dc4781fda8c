//! `serve -- CMD`: the program starts when the safe is served, and not at all if it is not.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::preload::library;
use crate::support::{assert_failure, passsafe, with_input};

/// `passsafe serve -- touch FILE`, to which this happens before it serves.
fn serve(what: &str, file: &Path) -> Command {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    let shim = SHIM.get_or_init(|| library("exec_shim.c"));
    let mut serve = passsafe(["serve", "--password-stdin", "--", "touch"]);
    serve.arg(file).env("LD_PRELOAD", shim).env("EXEC_SHIM", what);
    serve
}

#[test]
fn without_a_server_the_program_does_not_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let mark = folder.path().join("started");
    for (what, error, hint) in [
        (
            "refused",
            "the serving process cannot be started: Cannot allocate memory (os error 12)",
            "free memory, or raise its limit: ulimit -v",
        ),
        (
            "deaf",
            "the safe cannot be served: Socket operation on non-socket (os error 88)",
            "the system refused it; try again",
        ),
    ] {
        assert_failure(&with_input(serve(what, &mark), b"S3kr!t"), 125, error, hint);
        // All that could have held the output is gone with its end, the launcher too.
        assert!(!mark.exists(), "{what}");
    }
    assert!(with_input(serve("nothing", &mark), b"S3kr!t").status.success());
    assert!(mark.exists());
}

/// Whether a process has read all of the pipe of its launcher, and waits for more.
fn is_waiting(process: i32) -> bool {
    let file = |name: &str| format!("/proc/{process}/{name}");
    let arguments = fs::read_to_string(file("cmdline")).unwrap();
    let arguments: Vec<&str> = arguments.split('\0').collect();
    assert_eq!(&arguments[..2], ["passsafe", "__launcher"]);
    assert_eq!(&arguments[3..5], ["--", "touch"]);
    let Some(pipe) = arguments[2].strip_prefix("--pipe=") else { panic!("{arguments:?}") };
    let pipe = File::open(file(&format!("fd/{pipe}"))).unwrap();
    let reads = format!("{} ", nix::libc::SYS_read);
    let is_empty = ioctl_fionread(pipe).unwrap() == 0;
    is_empty && fs::read_to_string(file("syscall")).unwrap().starts_with(&reads)
}

#[test]
fn the_program_waits_until_the_safe_is_served() {
    let folder = tempfile::TempDir::new().unwrap();
    let mark = folder.path().join("started");
    let mut sealer = serve("held", &mark).stdin(Stdio::piped()).spawn().unwrap();
    sealer.stdin.take().unwrap().write_all(b"S3kr!t").unwrap();
    let pid = Pid::from_child(&sealer);
    let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped());
    // It has done all but become the server.
    let children = format!("/proc/{0}/task/{0}/children", pid.as_raw_nonzero());
    let launcher = fs::read_to_string(children).unwrap().trim().parse().unwrap();
    while !is_waiting(launcher) {
        std::thread::yield_now();
    }
    assert!(!mark.exists());
    kill_process(pid, Signal::CONT).unwrap();
    assert!(sealer.wait().unwrap().success());
    assert!(mark.exists());
}
