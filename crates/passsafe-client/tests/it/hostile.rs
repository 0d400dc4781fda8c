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

use crate::records::{
    PASSPHRASE, PROOF, answer, async_client, client, sealed, sealed_as, wanting_proof,
    with_problem, with_record,
};
use crate::rogue::{Reply, Rogue};

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

type Script = Box<dyn Fn() -> Reply + Send + Sync>;

/// What a server says that is no answer to a proof, or no demand for one, and how often it is
/// asked.
#[test]
fn a_server_that_plays_with_the_proof_is_refused_and_asked_no_more() {
    let record = sealed("S3kr!t");
    let demand = |body: &str| {
        let body = format!(r#"{{"code":"proof_required","title":"","status":403{body}}}"#);
        move || with_problem("403 Forbidden", &body)
    };
    let again = record.clone();
    let (no_salt, cheap) = (
        r#","kdf":{"algorithm":"argon2id","version":19,"memory_kib":65536,"iterations":3,"parallelism":1}"#,
        r#","kdf":{"algorithm":"argon2id","version":19,"memory_kib":8,"iterations":1,"parallelism":1},"salt":"AAAAAAAAAAAAAAAAAAAAAA""#,
    );
    let unproven = record.clone();
    let cases: [(Script, ErrorKind, usize); 6] = [
        // Asked for again and again, although it was given.
        (
            Box::new(move || wanting_proof(&again).after_proof(wanting_proof(&again))),
            ErrorKind::NotASafe,
            2,
        ),
        (Box::new(demand("")), ErrorKind::NotASafe, 1),
        (Box::new(demand(no_salt)), ErrorKind::NotASafe, 1),
        (Box::new(demand(&format!("{no_salt},\"salt\":\"AAAA\""))), ErrorKind::Damaged, 1),
        (Box::new(demand(cheap)), ErrorKind::Damaged, 1),
        // Handed out without a proof.
        (
            Box::new(move || {
                let record = with_record(&unproven, 1_450);
                let same = Reply::new(record.bytes());
                record.after_proof(same)
            }),
            ErrorKind::NotASafe,
            1,
        ),
    ];
    for (number, (reply, kind, most)) in cases.into_iter().enumerate() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let rogue = Rogue::start(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            reply()
        });
        let error = client(&rogue.url()).password().unwrap_err();
        assert_eq!(error.kind(), kind, "{number}: {error}");
        assert_eq!(asked.load(Ordering::SeqCst), most, "{number}");
    }
}

/// The record that comes is not that of the salt which the proof was derived with: nothing more
/// is derived, and the next proof is that of the first salt.
#[test]
fn a_record_with_another_salt_than_was_told_is_another_safe() {
    let (mine, other) = (sealed("S3kr!t"), sealed_as(PASSPHRASE, 1, &[("password", b"other")]));
    let rogue = Rogue::start(move |number| match number {
        0 => with_record(&other, 1_450).after_proof(wanting_proof(&mine)),
        _ => with_record(&mine, 1_450),
    });
    let client = client(&rogue.url());
    assert_eq!(client.password().unwrap_err().kind(), ErrorKind::OtherSafe);
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    for request in rogue.requests() {
        assert!(request.contains(&format!("passsafe-proof: {PROOF}\r\n")), "{request}");
    }
}

/// Ten wrong proofs lock a safe. A program that calls again has not typed anything else.
#[test]
fn a_refused_passphrase_is_sent_once_however_often_it_is_used() {
    let record = sealed("S3kr!t");
    let rogue = Rogue::start(move |_| {
        let body = r#"{"code":"wrong_passphrase","title":"","status":403,"proofs_left":9}"#;
        with_problem("403 Forbidden", body).after_proof(wanting_proof(&record))
    });
    let client = client(&rogue.url());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let error = client.password().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WrongPassphrase, "{error}");
                assert_eq!(error.proofs_left(), Some(9));
            });
        }
    });
    assert_eq!(rogue.requests().len(), 1);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = async_client(&rogue.url());
        let (one, other) = tokio::join!(client.password(), client.password());
        assert_eq!(one.unwrap_err().proofs_left(), Some(9));
        assert_eq!(other.unwrap_err().proofs_left(), Some(9));
    });
    assert_eq!(rogue.requests().len(), 2);
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
