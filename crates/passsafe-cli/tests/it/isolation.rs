//! The serving process never held password, passphrase or key: its arguments, environment
//! and memory are read from outside.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use data_encoding::BASE64URL_NOPAD;

#[cfg(target_env = "gnu")]
use crate::clocks::Clocks;
use crate::kept::Kept;
use crate::scan::{Hit, Memory, derive, encodings, environment, needles};
use crate::supervise::Around;
use crate::support::{Safe, passsafe};

const PASSWORD: &str = "Zw0lf-Boxkaempfer/jagen_Viktor";
const FROM_FILE: &str = "Fr4nz-jagt/im_komplett-verwahrlosten";
const FETCHES: usize = 10_000;

/// A caller that has the very password in its environment.
fn with_caller(mut serve: Command) -> Command {
    serve
        .env("DB_PASSWORD", PASSWORD)
        .env("LANG", "C.UTF-8")
        .env("TERM", "xterm")
        .env("LC_TIME", "C");
    serve
}

#[test]
fn the_serving_process_shares_neither_memory_nor_environment_with_the_sealer() {
    let serve = with_caller(passsafe(["serve", "--minutes", "5"]));
    let safe = Safe::start_with(PASSWORD.as_bytes(), serve);
    assert_isolated(&safe);
}

/// The credentials are in the environment of its own child.
#[test]
fn a_serving_process_around_a_program_holds_no_more_than_without() {
    let serve = with_caller(passsafe(["serve", "--minutes", "5", "--password-stdin"]));
    let around = Around::start_with(serve, PASSWORD.as_bytes(), "", "exit 0");
    let program = environment(around.program.as_raw_nonzero().get());
    let passphrase = around.safe.credentials.passphrase.as_bytes();
    assert!(program.windows(passphrase.len()).any(|it| it == passphrase), "the scan is blind");
    assert_isolated(&around.safe);
    assert_eq!(around.end().1.status.code(), Some(0));
}

fn assert_isolated(safe: &Safe) {
    let pid = safe.pid().as_raw_nonzero().get();
    assert_eq!(safe.attempts_left(), 3);
    let mut kept = Kept::open(safe);
    let (status, record) = kept.fetch(&safe.credentials.token);
    assert_eq!(status, 200);
    for _ in 1..FETCHES {
        assert!(kept.fetch(&safe.credentials.token) == (200, record.clone()));
    }
    for _ in 0..2 {
        assert_eq!(kept.fetch(&safe.wrong_token()).0, 401);
    }

    let mut names: Vec<String> = environment(pid)
        .split(|&byte| byte == 0)
        .filter(|entry| !entry.is_empty())
        .map(|entry| String::from_utf8_lossy(entry).split('=').next().unwrap().to_owned())
        .collect();
    names.sort();
    names.retain(|name| {
        !["COLORTERM", "NO_COLOR", "TZ"].contains(&name.as_str())
            && (name == "LC_TIME" || !name.starts_with("LC_"))
    });
    assert_eq!(names, ["LANG", "LC_TIME", "TERM"]);

    let command_line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(command_line.starts_with("passsafe\0__serving\0--handover="), "{command_line:?}");
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(), "passsafe\n");

    // Its one thread wipes an answered request before it answers another one.
    safe.attempts_left();
    let memory = Memory::of(pid);
    // What it must hold shows that the scan sees: the record's ciphertext and the token.
    let canary = record.rsplit('"').nth(1).unwrap();
    assert!(canary.len() > 300 && memory.contains(canary.as_bytes()), "the scan is blind");
    let token = memory.find(&[safe.credentials.token.clone().into_bytes()]);
    assert!(!token.is_empty(), "the scan is blind");
    // They lie where neither swap nor a dump reaches. Six digits may stand in constants too.
    let written = |hit: &&Hit| hit.region.contains(" rw-p ");
    for hit in token.iter().filter(written).chain(&memory.find(&[canary.into()])) {
        assert!(hit.is_locked && hit.is_left_out_of_dumps, "{hit:?}");
    }

    let mut needles = needles(PASSWORD, &safe.credentials.passphrase);
    needles.extend(derive(&safe.credentials, &record).needles());
    memory.assert_free_of(&needles, "server");
}

/// In the critical section, where the clocks are read.
#[cfg(target_env = "gnu")]
#[test]
fn a_panic_in_a_handler_locks_the_safe_and_brings_no_secret_to_light() {
    let (clocks, safe) = Clocks::with_safe_of(PASSWORD.as_bytes());
    let pid = safe.pid().as_raw_nonzero().get();
    let mut kept = Kept::open(&safe);
    let (_, record) = kept.fetch(&safe.credentials.token);
    let canary = record.rsplit('"').nth(1).unwrap();
    assert!(Memory::of(pid).contains(canary.as_bytes()), "the scan is blind");

    clocks.break_next_reading_of_the_safe();
    kept.send_fetch(&safe.credentials.token);
    assert_eq!(kept.rest(), "");
    assert_eq!(Kept::to(&safe.credentials.url).fetch(&safe.credentials.token).0, 423);
    let mut needles = needles(PASSWORD, &safe.credentials.passphrase);
    needles.extend(derive(&safe.credentials, &record).needles());
    // Locked is the end of the record.
    needles.push(canary.into());
    Memory::of(pid).assert_free_of(&needles, "server after a panic");

    safe.signal(rustix::process::Signal::INT);
    let output = safe.end();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("panicked at") && said.contains(r#""event":"ended""#));
    assert!(!said.contains(PASSWORD) && !said.contains(canary), "{said}");
}

/// A process that waits in a write, because the pipe behind it is full.
fn wait_for_writing(pid: i32) {
    let write = format!("{} ", nix::libc::SYS_write);
    while !fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap().starts_with(&write) {
        std::thread::yield_now();
    }
}

/// Every end wipes the record: a locked safe holds nothing to guess at.
#[test]
fn a_locked_safe_holds_no_record() {
    let safe = Safe::start(PASSWORD.as_bytes());
    let pid = safe.pid().as_raw_nonzero().get();
    let mut kept = Kept::open(&safe);
    let (_, record) = kept.fetch(&safe.credentials.token);
    let ciphertext = record.rsplit('"').nth(1).unwrap();
    let raw = BASE64URL_NOPAD.decode(ciphertext.as_bytes()).unwrap();
    let needles = [ciphertext.as_bytes()[100..200].to_vec(), raw[100..200].to_vec()];
    assert!(Memory::of(pid).contains(&needles[0]), "the scan is blind");
    for _ in 0..3 {
        assert_eq!(kept.fetch(&safe.wrong_token()).0, 401);
    }
    Memory::of(pid).assert_free_of(&needles, "locked safe");
}

#[test]
fn the_sealing_process_has_wiped_the_password_before_it_shows_the_passphrase() {
    let (mut from, mut to) = std::io::pipe().unwrap();
    let capacity = rustix::pipe::fcntl_getpipe_size(&to).unwrap();
    to.write_all(&vec![b' '; capacity]).unwrap();
    let mut serve = passsafe(["--password-stdin", "--json", "--port", "0", "--minutes", "5"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, FROM_FILE).unwrap();
    serve.args(["--secret-file", &format!("KEY={}", file.path().display())]);
    let mut sealer = serve.stdin(Stdio::piped()).stdout(to).spawn().unwrap();
    drop(serve);
    sealer.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    let pid = sealer.id().try_into().unwrap();
    wait_for_writing(pid);
    let memory = Memory::of(pid);

    let mut line = String::new();
    from.read_to_string(&mut line).unwrap();
    let safe = Safe::of(&line, sealer);
    // The passphrase is about to be shown.
    assert!(memory.contains(safe.credentials.passphrase.as_bytes()), "the scan is blind");
    let (_, record) = Kept::open(&safe).fetch(&safe.credentials.token);
    let mut needles = derive(&safe.credentials, &record).needles();
    needles.extend(encodings(PASSWORD.as_bytes()));
    needles.extend(encodings(FROM_FILE.as_bytes()));
    memory.assert_free_of(&needles, "sealer");
}
