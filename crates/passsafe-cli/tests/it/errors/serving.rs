//! What keeps a safe from being opened, and what happens at prompts.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::{Case, Refusal};
use crate::accounts::Public;
use crate::prompts::{expect, passsafe_at_terminal, send_bytes, shell, type_too_long};
use crate::support::{BINARY, Safe, dead_port, passsafe, with_input, without_variables};

pub(super) const CASES: &[Case] =
    &[passwords, named, no_terminal, busy_ports, sockets, limits, prompts];

const FLAGS: [&str; 3] = ["serve", "--password-stdin", "--json"];

fn passwords() -> Vec<Refusal> {
    let serve = || passsafe(FLAGS.iter().chain(&["--port", "0"]));
    let folder = File::open("/").unwrap();
    vec![
        Refusal::of(&with_input(serve(), b"\n")),
        Refusal::of(&with_input(serve(), &[b'x'; 65_537])),
        Refusal::of(&serve().stdin(folder).output().unwrap()),
    ]
}

fn named() -> Vec<Refusal> {
    let serve = |flags: &[&str]| {
        let serve = passsafe(["serve", "--json", "--port", "0"].iter().chain(flags));
        Refusal::of(&with_input(serve, b""))
    };
    vec![
        serve(&["--secret-stdin", "KEY"]),
        serve(&["--secret-file", "KEY=/nowhere"]),
        serve(&["--secret-file", "KEY=/"]),
        serve(&["--secret-file", "KEY=/dev/null"]),
        serve(&["--secret-file", "KEY=/proc/self/clear_refs"]),
        serve(&["KEY", "KEY"]),
        serve(&["KEY"]),
        serve(&["--clear"]),
        serve(&["--confirm"]),
    ]
}

fn no_terminal() -> Vec<Refusal> {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = format!("--secret-file=KEY={}", empty.path().display());
    vec![
        Refusal::of(&passsafe(["serve", "--json", "--port=0", &empty]).output().unwrap()),
        Refusal::of(&passsafe(["serve"]).output().unwrap()),
        Refusal::of(&passsafe(["serve", "--json", "--port=0"]).output().unwrap()),
    ]
}

fn busy_ports() -> Vec<Refusal> {
    let open = Safe::start(b"S3kr!t");
    let locked = Safe::start(b"S3kr!t");
    for _ in 0..3 {
        locked.guess();
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_held, dead) = dead_port();
    [open.port(), locked.port(), silent.local_addr().unwrap().port(), dead]
        .map(|port: u16| {
            let serve = passsafe(FLAGS.iter().chain(&["--port", &port.to_string()]));
            Refusal::of(&with_input(serve, b"S3kr!t"))
        })
        .into()
}

fn sockets() -> Vec<Refusal> {
    let public = Public::new();
    let path = |name: &str| public.path(name).to_str().unwrap().to_owned();
    let serve = |path: &str| {
        let serve = passsafe(FLAGS.iter().chain(&["--no-port", "--socket", path]));
        Refusal::of(&with_input(serve, b"S3kr!t"))
    };
    let mut live = passsafe(FLAGS.iter().chain(&["--no-port", "--socket", &path("live")]));
    live.current_dir("/");
    let _live = Safe::start_as_it_is(b"S3kr!t", live);
    fs::write(public.path("file"), "").unwrap();
    let open = public.path("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let mut stranger = public.as_other(FLAGS);
    stranger.args(["--no-port", "--socket", &path("not-mine")]);
    vec![
        serve(&path(&"x".repeat(200))),
        serve("/nowhere/safe.sock"),
        serve(&path("open/safe.sock")),
        serve(&path("live")),
        serve(&path("file")),
        Refusal::of(&with_input(stranger, b"S3kr!t")),
    ]
}

/// Enough for the program, too little for a key, or for a safe and its callers.
fn limits() -> Vec<Refusal> {
    ["-v 65536", "-n 31"]
        .map(|limit| {
            let serve = "exec \"$0\" serve --password-stdin --json --port 0";
            let line = format!("ulimit {limit} && {serve}");
            let shell = without_variables(Command::new("sh"), ["-c", &line, BINARY]);
            Refusal::of(&with_input(shell, b"S3kr!t"))
        })
        .into()
}

fn prompts() -> Vec<Refusal> {
    let mut told = Vec::new();
    let at_password = || {
        let mut session = shell(&format!("stty -iutf8; exec {BINARY} --port 0 --minutes 5"));
        expect(&mut session, "Password: ");
        session
    };
    for control in ['c', 'd'] {
        let mut session = at_password();
        session.send_control(control).unwrap();
        told.push(Refusal::at_terminal(&mut session));
    }
    let mut session = at_password();
    send_bytes(&mut session, b"\xe4\n");
    told.push(Refusal::at_terminal(&mut session));
    let mut session = at_password();
    type_too_long(&mut session);
    told.push(Refusal::at_terminal(&mut session));
    told.push(Refusal::at_terminal(&mut passsafe_at_terminal(&["--password-stdin"])));
    told
}
