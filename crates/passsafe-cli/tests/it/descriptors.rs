//! A serving process that runs out of descriptors.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

use tempfile::NamedTempFile;

use crate::support::{BINARY, Safe, assert_output, without_variables};

/// Lets the process have descriptors below `limit` only.
fn limit_descriptors(safe: &Safe, limit: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(limit), maximum };
    prlimit(Some(safe.pid()), Resource::Nofile, limit).unwrap();
}

fn descriptors(safe: &Safe) -> usize {
    fs::read_dir(format!("/proc/{}/fd", safe.pid().as_raw_nonzero())).unwrap().count()
}

/// Hundredths of a second that the process has computed.
fn processor_time(safe: &Safe) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", safe.pid().as_raw_nonzero())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A secret's file above all.
#[test]
fn what_the_caller_left_open_is_closed() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"S3kr!t").unwrap();
    let script = format!(
        "exec 7<'{0}' 9<'{0}'; \
         exec {BINARY} serve --json --port 0 -m 5 --secret-file KEY=/dev/fd/7",
        file.path().display()
    );
    let serve = without_variables(Command::new("sh"), ["-c", &script]);
    let safe = Safe::start_as_it_is(b"", serve);
    assert_output(&safe.run(["get", "KEY"]), 0, "S3kr!t\n", "");
    let open = fs::read_dir(format!("/proc/{}/fd", safe.pid().as_raw_nonzero())).unwrap();
    let open: Vec<_> = open.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
    assert!(open.len() > 3 && !open.contains(&file.path().to_owned()), "{open:?}");
}

#[test]
fn idle_connections_that_take_all_descriptors_do_not_keep_the_owner_out() {
    let safe = Safe::start(b"S3kr!t");
    assert_eq!(safe.attempts_left(), 3);
    limit_descriptors(&safe, 32);
    let port = safe.port();
    let idle: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let start = Instant::now();
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    assert!(start.elapsed() < Duration::from_secs(4), "it waited for the idle ones to be cut off");
    assert!(descriptors(&safe) <= 32);
    drop(idle);
}

#[test]
fn without_any_descriptor_it_waits_and_does_not_spin() {
    let safe = Safe::start(b"S3kr!t");
    assert_eq!(safe.attempts_left(), 3);
    limit_descriptors(&safe, 3);
    let port = safe.port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        client,
        "GET /v1/status HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let before = processor_time(&safe);
    client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let silence = client.read(&mut [0]).unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    let computed = processor_time(&safe) - before;
    assert!(computed <= 5, "{computed} hundredths of a second");

    limit_descriptors(&safe, 1_024);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
