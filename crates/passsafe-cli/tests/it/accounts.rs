//! Other accounts of the machine, as processes of their own: at the port, at the socket, in
//! a container, and in the place of the safe.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Gid, Signal, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use tempfile::TempDir;

use crate::support::{
    Safe, assert_failure, assert_output, assert_told, copy_binary_into, passsafe, told, with_input,
};

/// `nobody`, which every system has.
const OTHER: u32 = 65_534;
const HUNG_UP: &str =
    "a safe of another account has to admit this one: --allow-user; a tunnel needs a far end";

/// A folder that every account can read, with the program in it: the one under test may lie
/// where only its builder gets.
pub(crate) struct Public(TempDir);

impl Public {
    pub(crate) fn new() -> Self {
        assert!(geteuid().is_root(), "a second account is needed: run the tests as root");
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        copy_binary_into(folder.path());
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, run by the other account.
    pub(crate) fn as_other<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(self.path("passsafe"));
        command.args(args).stdin(Stdio::null()).env_clear().uid(OTHER).gid(OTHER);
        command
    }

    /// The same with the credentials of a safe that root serves.
    pub(crate) fn with_credentials(&self, safe: &Safe, verb: &str, url: &str) -> Command {
        let mut command = self.as_other([verb]);
        give_credentials(&mut command, safe, url);
        command
    }
}

fn give_credentials(command: &mut Command, safe: &Safe, url: &str) {
    command.envs(safe.variables()).env("PASSSAFE_URL", url);
    command.env("PASSSAFE_USER", &safe.credentials.user);
}

fn serve(args: &[&str]) -> Command {
    passsafe(["serve", "--minutes", "5"].iter().chain(args))
}

/// Stops the safe and returns what it said.
fn stopped(safe: Safe) -> Output {
    safe.signal(Signal::INT);
    safe.end()
}

#[test]
fn another_account_is_turned_away_and_told_of_once() {
    let public = Public::new();
    let safe = Safe::start_with(b"S3kr!t", serve(&[]));
    let url = &safe.credentials.url;
    for verb in ["status", "get", "close", "get", "get", "get"] {
        // One that is ready to give its token away, and a wrong one.
        let mut stranger = public.with_credentials(&safe, verb, url);
        stranger.arg("--any-owner").env("PASSSAFE_TOKEN", "000000");
        let error = format!("{url} hung up without an answer");
        assert_failure(&stranger.output().unwrap(), 69, &error, HUNG_UP);
    }
    assert_eq!(safe.attempts_left(), 3);
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    let ended = stopped(safe);
    assert_told(&ended, &["refused_account", "fetched", "more", "closed"]);
    let told = told(&ended);
    for (event, count) in [(&told[0], None), (&told[2], Some(5))] {
        let account = (event["account"].as_str(), event["uid"].as_u64(), event["count"].as_u64());
        assert_eq!(account, (Some("nobody"), Some(OTHER.into()), count));
    }
    assert_eq!(told[3]["refused"], 6);
}

#[test]
fn root_is_turned_away_from_another_accounts_safe() {
    let public = Public::new();
    let safe = Safe::start_with(b"S3kr!t", public.as_other(["serve"]));
    let url = &safe.credentials.url;
    assert_eq!(safe.credentials.user, "nobody");
    let error = format!("{url} hung up without an answer");
    assert_failure(&safe.run(["get", "--any-owner"]), 69, &error, HUNG_UP);
    let own = public.with_credentials(&safe, "get", url).output().unwrap();
    assert_output(&own, 0, "S3kr!t\n", "");
    assert_told(&stopped(safe), &["refused_account", "fetched", "closed"]);
}

#[test]
fn an_account_is_admitted_by_name_by_number_or_with_all() {
    let public = Public::new();
    for flags in [&["--allow-user", "nobody"][..], &["--allow-user=65534"], &["--allow-any-user"]] {
        let safe = Safe::start_with(b"S3kr!t", serve(flags));
        let url = &safe.credentials.url;
        let get = || public.with_credentials(&safe, "get", url);
        assert_output(&get().args(["--owner", "root"]).output().unwrap(), 0, "S3kr!t\n", "");
        assert_output(&get().env("PASSSAFE_OWNER", "0").output().unwrap(), 0, "S3kr!t\n", "");
        assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
        // It trusts nobody else's port unless told.
        assert_failure(
            &get().output().unwrap(),
            77,
            &format!("what listens at {url} belongs to account root (uid 0)"),
            "nothing was sent; if that account serves your safe, add --owner root",
        );
        assert_told(&stopped(safe), &["fetched", "fetched", "fetched", "closed"]);
    }
}

#[test]
fn an_account_that_does_not_exist_is_wrong_usage() {
    let admit = serve(&["--json", "--port=0", "--password-stdin", "--allow-user", "nosuch"]);
    let error = "this machine has no account named 'nosuch'";
    assert_failure(
        &with_input(admit, b"S3kr!t"),
        2,
        error,
        "give --allow-user a name that 'getent passwd' knows, or a number",
    );
    assert_failure(
        &passsafe(["status", "--owner", "nosuch"]).output().unwrap(),
        2,
        error,
        "give --owner a name that 'getent passwd' knows, or a number",
    );
}

/// A process with its own network and its own file systems, as in a container: the port is
/// not there, and the socket is where it was mounted.
#[test]
fn a_container_reaches_the_safe_by_a_mounted_socket() {
    let public = Public::new();
    let (outside, inside) = (public.path("outside"), public.path("inside"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&inside).unwrap();
    let socket = outside.join("safe.sock");
    let flags = ["--allow-user", "nobody", "--socket", socket.to_str().unwrap()];
    let safe = Safe::start_with(b"S3kr!t", serve(&flags));
    let contained = |url: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--mount", "sh", "-c"])
            .arg(
                "mount --bind \"$1\" \"$2\" && shift 2 && \
                 exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"",
            )
            .arg("sh")
            .args([&outside, &inside, &public.path("passsafe")])
            .args(["get", "--owner", "root"]);
        give_credentials(&mut command, &safe, url);
        command.output().unwrap()
    };
    let mounted = format!("unix://{}", inside.join("safe.sock").display());
    assert_output(&contained(&mounted), 0, "S3kr!t\n", "");
    let port = &safe.credentials.url;
    assert_failure(
        &contained(port),
        69,
        &format!("there is no way to {port}: Network is unreachable (os error 101)"),
        "check the address, and the network of this machine",
    );
}

#[test]
fn a_socket_is_its_accounts_and_gone_with_the_safe() {
    let public = Public::new();
    let path = public.path("safe.sock");
    let url = format!("unix://{}", path.display());
    let safe = Safe::start_with(b"S3kr!t", serve(&["--socket", path.to_str().unwrap()]));
    assert_eq!(safe.credentials.socket_url.as_deref(), Some(&*url));
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket() && metadata.mode() & 0o777 == 0o600);
    assert_output(&safe.run(["get", "--url", &url]), 0, "S3kr!t\n", "");
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    let mut stranger = public.with_credentials(&safe, "get", &url);
    assert_failure(
        &stranger.output().unwrap(),
        77,
        &format!("this account may not connect to {url}"),
        "a safe of another account has to admit this one: --allow-user",
    );
    assert_output(
        &safe.run(["close", "--url", &url]),
        0,
        "",
        &format!("closed: the safe at {url} is gone\n"),
    );
    assert_told(&safe.end(), &["fetched", "fetched", "closed"]);
    assert!(!path.exists());
}

/// The mode lets it knock; its account decides.
#[test]
fn a_socket_that_one_more_account_may_use_refuses_a_third() {
    let public = Public::new();
    let path = public.path("safe.sock");
    let url = format!("unix://{}", path.display());
    let flags = ["--socket", path.to_str().unwrap(), "--allow-user", "1"];
    let safe = Safe::start_with(b"S3kr!t", serve(&flags));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o666);
    let mut stranger = public.with_credentials(&safe, "get", &url);
    stranger.args(["--owner", "root"]);
    let error = format!("{url} hung up without an answer");
    assert_failure(&stranger.output().unwrap(), 69, &error, HUNG_UP);
    let output = stranger.uid(1).output().unwrap();
    assert_output(&output, 0, "S3kr!t\n", "");
    assert_told(&stopped(safe), &["refused_account", "fetched", "closed"]);
}

#[test]
fn the_socket_may_be_all_there_is() {
    let public = Public::new();
    let path = public.path("safe.sock");
    let flags = ["serve", "--password-stdin", "--json", "--no-port", "--socket"];
    let start = || {
        let mut command = passsafe(flags);
        command.arg(&path).current_dir("/");
        Safe::start_as_it_is(b"S3kr!t", command)
    };
    let safe = start();
    let url = format!("unix://{}", path.display());
    assert_eq!(safe.credentials.url, url);
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    let mut second = passsafe(flags);
    second.arg(&path);
    assert_failure(
        &with_input(second, b"S3kr!t"),
        69,
        &format!("no socket can be made at {}: another program listens there", path.display()),
        "close that safe with 'passsafe close', or choose another path",
    );
    // Killed, it leaves its socket behind, and the next safe takes the place.
    safe.signal(Signal::KILL);
    safe.end();
    assert!(path.exists());
    let safe = start();
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    safe.signal(Signal::TERM);
    safe.end();
    assert!(!path.exists());
}

#[test]
fn a_socket_wants_a_folder_of_ones_own() {
    let public = Public::new();
    let path = public.path("safe.sock");
    let serve = |path: &str| {
        let flags = ["serve", "--password-stdin", "--json", "--port=0", "--socket", path];
        with_input(passsafe(flags), b"S3kr!t")
    };
    let hint =
        "choose a folder that only you can write to: $XDG_RUNTIME_DIR, or one made by mkdir -m 700";
    for mode in [0o777, 0o1777, 0o775] {
        fs::set_permissions(public.0.path(), fs::Permissions::from_mode(mode)).unwrap();
        let folder = public.0.path().canonicalize().unwrap();
        let message = format!(
            "no socket can be made at {}: accounts other than this one can change {}",
            path.display(),
            folder.display()
        );
        assert_failure(&serve(path.to_str().unwrap()), 2, &message, hint);
    }
    assert_failure(
        &serve("/nowhere/safe.sock"),
        2,
        "no socket can be made at /nowhere/safe.sock: there is no such folder",
        "make the folder first: mkdir -m 700",
    );
}

/// What a listener of the other account receives from the next connection.
pub(crate) fn squat() -> (String, Receiver<Vec<u8>>) {
    let (ready, port) = channel();
    let (report, received) = channel();
    thread::spawn(move || {
        let (uid, gid) = (Uid::from_raw(OTHER), Gid::from_raw(OTHER));
        set_thread_groups(&[]).unwrap();
        set_thread_res_gid(gid, gid, gid).unwrap();
        set_thread_res_uid(uid, uid, uid).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        ready.send(listener.local_addr().unwrap().port()).unwrap();
        for stream in listener.incoming() {
            let mut bytes = Vec::new();
            let _reset: std::io::Result<usize> =
                TcpStream::read_to_end(&mut stream.unwrap(), &mut bytes);
            // The test may have ended.
            let _nobody_reads = report.send(bytes);
        }
    });
    (format!("http://localhost:{}", port.recv().unwrap()), received)
}

#[test]
fn a_squatter_gets_no_token() {
    let safe = Safe::start(b"S3kr!t");
    let (url, received) = squat();
    for arguments in [&["get"][..], &["run", "--env=A", "--", "true"], &["close"], &["status"]] {
        let output = safe.command(arguments).env("PASSSAFE_URL", &url).output().unwrap();
        let code = if arguments.contains(&"run") { 125 } else { 77 };
        assert_failure(
            &output,
            code,
            &format!("what listens at {url} belongs to account nobody (uid {OTHER})"),
            "nothing was sent; if that account serves your safe, add --owner nobody",
        );
        assert_eq!(received.recv().unwrap(), b"");
    }
}
