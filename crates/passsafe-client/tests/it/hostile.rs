//! Servers that mean harm: they drip, flood, replay. Each is a clear error in bounded time and
//! memory, and learns nothing but the token.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use passsafe_client::{Error, ErrorKind, blocking};
use tokio::runtime::Builder;

use crate::records::{PASSPHRASE, answer, async_client, client, sealed, sealed_as, with_record};
use crate::rogue::Rogue;

/// Sends `start`, then `again` for as long as anybody takes it, resting in between.
struct Endless {
    url: String,
    taken: Arc<AtomicUsize>,
    heard: JoinHandle<Vec<u8>>,
}

impl Endless {
    fn start(start: &'static str, again: &'static str, rest: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let heard = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = vec![0; 4_096];
            let length = stream.read(&mut heard).unwrap();
            heard.truncate(length);
            let again =
                if rest.is_zero() { again.repeat(16 * 1024 / again.len()) } else { again.into() };
            let mut sent = stream.write_all(start.as_bytes());
            while sent.is_ok() {
                sent = stream.write_all(again.as_bytes());
                count.fetch_add(again.len(), Ordering::SeqCst);
                thread::sleep(rest);
            }
            heard
        });
        Self { url, taken, heard }
    }

    /// What became of a call, how long it took, how many bytes were taken and what was heard.
    fn meet(self, timeout: Duration) -> (Error, Duration, usize, String) {
        let client = client(&self.url).with_timeout(timeout);
        let start = Instant::now();
        let error = client.password().unwrap_err();
        let took = start.elapsed();
        drop(client);
        let heard = String::from_utf8(self.heard.join().unwrap()).unwrap();
        (error, took, self.taken.load(Ordering::SeqCst), heard)
    }
}

const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/// A client's head is `requests_are_the_documented_ones`; here, that harm brings out no more.
fn assert_tells_no_more_than_the_token(heard: &str) {
    assert_eq!(heard.lines().count(), 4, "{heard}");
    assert!(heard.starts_with("POST /v1/secret HTTP/1.1\r\nhost: 127.0.0.1:"), "{heard}");
    assert!(heard.ends_with("\r\npasssafe-token: 936265\r\n\r\n"), "{heard}");
}

#[test]
fn a_dripping_answer_ends_with_the_timeout() {
    for (start, again) in [
        ("", "H"),
        ("HTTP/1.1 200 ", "O"),
        ("HTTP/1.1 200 OK\r\n", "x: y\r\n"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "{"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let endless = Endless::start(start, again, Duration::from_millis(5));
        let (error, took, _, heard) = endless.meet(Duration::from_millis(100));
        assert!(
            error.kind() == ErrorKind::Timeout || error.kind() == ErrorKind::NotASafe,
            "{start:?} {again:?}: {error}"
        );
        assert!(took < Duration::from_secs(3), "{start:?} {again:?}: {took:?}");
        assert_tells_no_more_than_the_token(&heard);
    }
}

/// What fits into the sockets' own buffers is taken at most, however much there is.
#[test]
fn a_flood_is_cut_off() {
    let with = |headers: &str| -> &'static str { format!("{JSON}{headers}\r\n").leak() };
    for (start, again) in [
        ("", "H"),
        (JSON, "x: y\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", "y"),
        (with(""), " "),
        (with("Content-Length: 99999999999\r\n"), "{"),
        (with("Transfer-Encoding: chunked\r\n"), "1\r\n \r\n"),
        (with("Transfer-Encoding: chunked\r\n"), "f"),
        (with("Transfer-Encoding: chunked\r\n1;"), "x"),
        (with("Transfer-Encoding: chunked\r\n\r\n0\r\n"), "x: y\r\n"),
    ] {
        let endless = Endless::start(start, again, Duration::ZERO);
        let (error, _, taken, heard) = endless.meet(Duration::from_secs(5));
        assert_eq!(error.kind(), ErrorKind::NotASafe, "{start:?} {again:?}: {error}");
        assert!(taken < 16 * 1024 * 1024, "{start:?} {again:?}: {taken} bytes");
        assert_tells_no_more_than_the_token(&heard);
    }
}

/// Each of them is read and forgotten, so that only time bounds them; and the clock is looked
/// at often enough, however fast they come.
#[test]
fn endless_interim_answers_end_with_the_timeout() {
    let endless = Endless::start("", "HTTP/1.1 100 Continue\r\n\r\n", Duration::ZERO);
    let (error, took, taken, _) = endless.meet(Duration::from_millis(50));
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(taken < 64 * 1024 * 1024, "{taken} bytes");
}

/// The runtime's timers get their turn, although there is always something to read.
#[test]
fn endless_interim_answers_end_with_the_timeout_of_a_runtime() {
    let endless = Endless::start("", "HTTP/1.1 100 Continue\r\n\r\n", Duration::ZERO);
    let client = async_client(&endless.url).with_timeout(Duration::from_millis(50));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    let error = runtime.block_on(client.password()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    drop(client);
    endless.heard.join().unwrap();
}

#[test]
fn nothing_is_unpacked() {
    // Three bytes of gzip that promise more.
    let headers =
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\nPasssafe-Expires-In: 5\r\n";
    let rogue = Rogue::start(move |_| answer("200 OK", headers, "\x1f\u{b}\x08"));
    assert!(client(&rogue.url()).password().unwrap_err().kind() == ErrorKind::NotASafe);
    assert!(!rogue.requests()[0].to_ascii_lowercase().contains("accept-encoding"));
}

/// Who has seen an answer can give it again, and no more: a client that knows the passphrase
/// learns what it was entitled to, later than it should; one that has opened a safe opens no
/// other. The end of the old safe is not told by the replay.
#[test]
fn a_replay_gives_what_its_safe_gave_to_who_has_its_passphrase() {
    let (first, second) = (sealed("first"), sealed_as(PASSPHRASE, 1, &[("password", b"second")]));
    let rogue = Rogue::start(move |number| match number {
        1 => with_record(&second, 1_450),
        _ => with_record(&first, 1_450),
    });
    let open = |client: &blocking::Client| client.password().map(|it| it.expose().to_owned());
    let keyed = client(&rogue.url());
    assert_eq!(open(&keyed).unwrap(), "first");
    assert!(open(&keyed).unwrap_err().kind() == ErrorKind::OtherSafe);
    assert_eq!(open(&keyed).unwrap(), "first");
}
