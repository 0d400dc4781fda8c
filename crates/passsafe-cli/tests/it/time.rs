//! The real process under clocks that the tests move: `clock_shim.c` tells how.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, waitpid};
use tempfile::NamedTempFile;

use crate::kept::Kept;
use crate::support::{Safe, assert_output, passsafe};

const LIFETIME: i64 = 300;
const EXPIRED: &str = "expired: the time is up, and the safe is gone\n";

/// The shim, compiled once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clock_shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clock_shim.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([library.as_os_str(), source.as_ref(), "-ldl".as_ref()])
            .output()
            .expect("a C compiler is needed, as for ring");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    })
}

/// The clocks of one safe.
struct Clocks(File);

impl Clocks {
    /// A safe of five minutes, served by a process whose clocks can be moved.
    fn with_safe() -> (Self, Safe) {
        let offsets = NamedTempFile::new().unwrap();
        let clocks = Self(offsets.as_file().try_clone().unwrap());
        clocks.move_to(0, 0);
        let mut serve = passsafe(["serve", "--minutes", "5"]);
        serve.env("LD_PRELOAD", shim()).env("CLOCK_SHIM", offsets.path());
        let safe = Safe::start_with(b"S3kr!t", serve);
        // Served means that both processes have opened the file.
        assert!((LIFETIME - 30..=LIFETIME).contains(&seconds_left(&safe)));
        (clocks, safe)
    }

    /// Seconds that each clock is ahead of the true one.
    fn move_to(&self, boot: i64, wall: i64) {
        let bytes = [boot.to_ne_bytes(), wall.to_ne_bytes()].concat();
        self.0.write_all_at(&bytes, 0).unwrap();
    }
}

fn seconds_left(safe: &Safe) -> i64 {
    let output = passsafe(["status", "--json", "--url", &safe.credentials.url]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status["expires_in_seconds"].as_i64().unwrap()
}

#[track_caller]
fn assert_gone_within_a_second(safe: Safe, since: Instant) {
    assert_output(&safe.end(), 0, "", EXPIRED);
    let took = since.elapsed();
    assert!(took <= Duration::from_secs(1), "{took:?}");
}

#[test]
fn either_clock_past_the_deadline_ends_the_process_within_a_second() {
    // Asleep: boot time and wall clock go on and the monotonic clock stands still. Then each
    // clock on its own: a wall clock that was set back during the sleep, or set forward.
    for (boot, wall) in [(LIFETIME, LIFETIME), (LIFETIME, 0), (LIFETIME, -3_600), (0, LIFETIME)] {
        let (clocks, safe) = Clocks::with_safe();
        let start = Instant::now();
        clocks.move_to(boot, wall);
        assert_gone_within_a_second(safe, start);
    }
}

#[test]
fn a_wall_clock_set_back_gives_no_time() {
    let (clocks, safe) = Clocks::with_safe();
    for wall in [-60, -86_400, -1_000_000_000] {
        clocks.move_to(0, wall);
        assert!((200..=LIFETIME).contains(&seconds_left(&safe)), "{wall}");
    }
    clocks.move_to(LIFETIME - 60, -86_400);
    assert!((1..=60).contains(&seconds_left(&safe)));
    let start = Instant::now();
    clocks.move_to(LIFETIME, -86_400);
    assert_gone_within_a_second(safe, start);
}

#[test]
fn a_wall_clock_set_forward_takes_time_and_never_more_than_it_moved() {
    let (clocks, safe) = Clocks::with_safe();
    clocks.move_to(0, LIFETIME - 60);
    assert!((1..=60).contains(&seconds_left(&safe)));
    // Put right again, the deadline is where it was.
    clocks.move_to(0, 0);
    assert!((200..=LIFETIME).contains(&seconds_left(&safe)));
}

/// All that comes after a fetch was sent, until the safe hangs up.
fn rest(mut stream: &TcpStream) -> String {
    let mut answer = Vec::new();
    // A safe that is gone may reset the connection.
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn send_fetch(mut stream: &TcpStream, safe: &Safe) {
    let port = stream.peer_addr().unwrap().port();
    let token = &safe.credentials.token;
    let head = format!(
        "POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
}

#[track_caller]
fn assert_refused(answer: &str) {
    assert!(
        answer.is_empty()
            || answer.starts_with("HTTP/1.1 410 ") && answer.contains(r#""code":"expired""#),
        "{answer}"
    );
}

#[test]
fn a_fetch_right_after_the_deadline_is_refused() {
    let (clocks, safe) = Clocks::with_safe();
    let port: u16 = safe.credentials.url.rsplit(':').next().unwrap().parse().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    clocks.move_to(LIFETIME, LIFETIME);
    send_fetch(&stream, &safe);
    assert_refused(&rest(&stream));
    assert_output(&safe.end(), 0, "", EXPIRED);
}

/// A safe that is stopped, with a fetch waiting on a kept connection and another in the
/// backlog.
fn stopped(safe: &Safe) -> [TcpStream; 2] {
    let mut kept = Kept::open(safe);
    assert_eq!(kept.fetch(&safe.credentials.token).0, 200);
    safe.signal(Signal::STOP);
    let (_, status) = waitpid(Some(safe.pid()), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped());
    let streams = [kept.into_stream(), Kept::open(safe).into_stream()];
    for stream in &streams {
        send_fetch(stream, safe);
    }
    streams
}

#[test]
fn a_process_stopped_past_the_deadline_answers_nothing_when_it_wakes() {
    let (clocks, safe) = Clocks::with_safe();
    let streams = stopped(&safe);
    clocks.move_to(LIFETIME, LIFETIME);
    let start = Instant::now();
    safe.signal(Signal::CONT);
    for stream in &streams {
        assert_refused(&rest(stream));
    }
    assert_gone_within_a_second(safe, start);
}

#[test]
fn a_process_stopped_for_a_while_answers_when_it_wakes() {
    let (clocks, safe) = Clocks::with_safe();
    let streams = stopped(&safe);
    clocks.move_to(LIFETIME - 60, LIFETIME - 60);
    safe.signal(Signal::CONT);
    for stream in &streams {
        assert!(rest(stream).starts_with("HTTP/1.1 200 OK\r\n"));
    }
}
