//! What the processes of the command do to themselves: hidden from debuggers of the same
//! account, without core files, in locked memory. As an ordinary account, because nothing of
//! this holds against root.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

use crate::support::{Safe, assert_output, assert_told, copy_binary_into, passsafe};

/// An account that owns nothing.
const NOBODY: u32 = 65_534;

/// A copy of the command that everybody may execute.
struct Nobody(TempDir);

impl Nobody {
    fn new() -> Self {
        assert!(
            getuid().is_root(),
            "processes of another account can be started by root only: run the tests as root"
        );
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        copy_binary_into(folder.path());
        Self(folder)
    }

    /// A program as that account, after the shell has run `limits`.
    fn command(&self, limits: &str, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        for (name, _) in passsafe::<_, &str>([]).get_envs() {
            command.env_remove(name);
        }
        let change = format!("--reuid={NOBODY} --regid={NOBODY} --clear-groups --no-new-privs");
        let script = format!("{limits}; exec setpriv {change} \"$@\"");
        command.args(["-c", &script, "sh", program]).args(args).current_dir(&self.0);
        command.stdin(Stdio::null());
        command
    }

    fn passsafe(&self, limits: &str, args: &[&str]) -> Command {
        self.command(limits, "./passsafe", args)
    }

    fn safe(&self, limits: &str) -> Safe {
        let serve = self.passsafe(limits, &["serve", "--minutes", "5"]);
        let safe = Safe::start_with(b"S3kr!t", serve);
        // Served means: past exec, and hardened again. Root is not admitted.
        assert!(self.with_credentials(limits, &safe, &["status"]).status.success());
        safe
    }

    fn with_credentials(&self, limits: &str, safe: &Safe, args: &[&str]) -> Output {
        let mut command = self.passsafe(limits, args);
        command.envs(safe.variables()).output().unwrap()
    }
}

/// Enough of everything, whatever this machine gives by default.
const AMPLE: &str = "ulimit -l 8192; ulimit -c unlimited";

struct State {
    is_hidden: bool,
    writes_core_files: bool,
    locked_kib: u64,
}

fn state(pid: Pid) -> State {
    let file = |name: &str| format!("/proc/{}/{name}", pid.as_raw_nonzero());
    let line = |name: &str, start: &str| {
        let text = fs::read_to_string(file(name)).unwrap();
        text.lines().find_map(|line| line.strip_prefix(start).map(str::to_owned)).unwrap()
    };
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    State {
        // Files of an undumpable process belong to root.
        is_hidden: fs::metadata(file("environ")).unwrap().uid() == 0,
        writes_core_files: words(&line("limits", "Max core file size"))[0] != "0",
        locked_kib: words(&line("status", "VmLck:"))[0].parse().unwrap(),
    }
}

#[track_caller]
fn assert_hardened(pid: Pid) {
    let state = state(pid);
    assert!(state.is_hidden, "dumpable");
    assert!(!state.writes_core_files, "core files");
    assert!(state.locked_kib >= 2_048, "{} KiB locked", state.locked_kib);
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_serving_process_is_hardened_after_exec() {
    let nobody = Nobody::new();
    let safe = nobody.safe(AMPLE);
    assert_hardened(safe.pid());
}

#[test]
fn the_sealing_process_is_hardened_before_it_reads_the_password() {
    let nobody = Nobody::new();
    let mut serve = nobody.passsafe(AMPLE, &["--password-stdin", "--json", "--port", "0"]);
    serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sealer = serve.spawn().unwrap();
    // One byte more than a pipe holds: written means that it is read.
    sealer.stdin.as_mut().unwrap().write_all(&vec![b'x'; 65_537]).unwrap();
    assert_hardened(Pid::from_child(&sealer));
    stop(sealer);
}

#[test]
fn get_run_and_close_are_hardened_before_they_send_anything() {
    let nobody = Nobody::new();
    // The listener is root's.
    for args in [
        &["get", "--any-owner"][..],
        &["close", "--any-owner"],
        &["run", "--any-owner", "--env", "A", "--", "true"],
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let mut command = nobody.passsafe(AMPLE, args);
        command
            .env("PASSSAFE_URL", url)
            .env("PASSSAFE_PASSPHRASE", "crudely explode kilogram detached overdrive unlit")
            .env("PASSSAFE_TOKEN", "936265");
        let client = command.stderr(Stdio::null()).spawn().unwrap();
        let (mut connection, _) = listener.accept().unwrap();
        connection.read_exact(&mut [0]).unwrap();
        assert_hardened(Pid::from_child(&client));
        stop(client);
    }
}

/// What a debugger needs is what `/proc/PID/mem` needs; see ptrace(2).
#[test]
fn another_process_of_the_account_cannot_read_the_serving_process() {
    let nobody = Nobody::new();
    let safe = nobody.safe(AMPLE);
    let read = |pid: Pid, name: &str| {
        let file = format!("/proc/{}/{name}", pid.as_raw_nonzero());
        nobody.command(AMPLE, "sh", &["-c", "exec 3<\"$1\"", "sh", &file]).output().unwrap()
    };
    for name in ["mem", "environ", "maps", "fd/0"] {
        let output = read(safe.pid(), name);
        assert!(!output.status.success(), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Permission denied"), "{name}");
    }
    // An ordinary process of the same account is open to it.
    let mut cat = nobody.command(AMPLE, "cat", &[]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cat.stdin.as_mut().unwrap().write_all(b"!").unwrap();
    cat.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    assert!(read(Pid::from_child(&cat), "mem").status.success());
    stop(cat);
}

#[test]
fn a_crash_leaves_no_core_behind() {
    let nobody = Nobody::new();
    let safe = nobody.safe(AMPLE);
    kill_process(safe.pid(), Signal::ABORT).unwrap();
    let status = safe.end().status;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    // An ordinary process leaves one.
    let status = nobody.command(AMPLE, "sh", &["-c", "kill -ABRT $$"]).status().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), true));
}

#[test]
fn a_program_that_run_starts_is_as_if_started_without() {
    let nobody = Nobody::new();
    let safe = nobody.safe(AMPLE);
    let script = "ulimit -a; ulimit -Ha; grep VmLck /proc/$$/status; stat -c %u /proc/$$/environ";
    let limits = "ulimit -l 8192; ulimit -Hc 4096; ulimit -Sc 1024";
    let without = nobody.command(limits, "sh", &["-c", script]).output().unwrap();
    let text = String::from_utf8_lossy(&without.stdout).into_owned();
    assert!(text.contains("1024") && text.ends_with(&format!("\n{NOBODY}\n")), "{text}");
    let within =
        nobody.with_credentials(limits, &safe, &["run", "--env", "A", "--", "sh", "-c", script]);
    assert_output(&within, 0, &text, "");
}

#[test]
fn memory_that_cannot_be_locked_is_a_warning() {
    let nobody = Nobody::new();
    for (limit, why) in [
        ("ulimit -l 64", "Cannot allocate memory (os error 12)"),
        ("ulimit -l 0", "Operation not permitted (os error 1)"),
    ] {
        let warning = format!(
            "warning: memory cannot be locked, so secrets may reach swap ({why}); see 'ulimit -l'\n"
        );
        let safe = nobody.safe(limit);
        let get = nobody.with_credentials(limit, &safe, &["get"]);
        assert_output(&get, 0, "S3kr!t\n", &warning);
        assert_eq!(state(safe.pid()).locked_kib, 0);
        // The sealing process has said it; the serving one does not say it again.
        safe.signal(Signal::INT);
        let mut end = safe.end();
        let told = end.stderr.strip_prefix(warning.as_bytes()).map(<[u8]>::to_vec);
        end.stderr = told.expect("the warning comes first");
        assert_told(&end, &["fetched", "closed"]);
    }
}

/// The file that a process runs, and whether its account may read it.
fn executed(pid: Pid) -> (String, u32) {
    let link = format!("/proc/{}/exe", pid.as_raw_nonzero());
    let mode = fs::metadata(&link).unwrap().mode() & 0o777;
    (fs::read_link(link).unwrap().to_str().unwrap().to_owned(), mode)
}

/// The kernel hides it from its first instruction on; `os/unreadable.rs` shows that it does.
#[test]
fn what_handles_secrets_runs_from_a_copy_that_nobody_may_read() {
    let nobody = Nobody::new();
    let copied = nobody.safe(":");
    assert_eq!(executed(copied.pid()), ("/memfd:passsafe (deleted)".to_owned(), 0o111));
    let name = fs::read_to_string(format!("/proc/{}/comm", copied.pid().as_raw_nonzero()));
    assert_eq!(name.unwrap(), "passsafe\n");
    // The installed file, where nobody may read it.
    let installed = nobody.0.path().join("passsafe");
    fs::set_permissions(&installed, fs::Permissions::from_mode(0o711)).unwrap();
    let as_it_is = nobody.safe(":");
    assert_eq!(executed(as_it_is.pid()), (installed.to_str().unwrap().to_owned(), 0o711));
}
