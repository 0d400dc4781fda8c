//! What answers there is no safe, or a hostile one.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::thread;

use crate::kept::Kept;
use crate::support::{Safe, assert_failure, dead_port, passsafe};

/// Sends a request as it stands and returns the whole answer.
pub(crate) fn raw(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Gives each connection the next of `answers`; its URL.
pub(crate) fn rogue(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    // Not joined: a client that has seen enough does not come back for the rest.
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

pub(crate) fn get_from_rogue(answer: &str) -> Output {
    get_from(vec![answer.to_owned()])
}

fn get_from(answers: Vec<String>) -> Output {
    passsafe(["get"])
        .env("PASSSAFE_URL", rogue(answers))
        .env("PASSSAFE_PASSPHRASE", "crudely explode kilogram detached overdrive unlit")
        .env("PASSSAFE_TOKEN", "936265")
        .output()
        .unwrap()
}

pub(crate) fn answer(status: &str, media_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nPasssafe-Expires-In: 60\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

pub(crate) fn record_answer(record: &str) -> String {
    answer("200 OK", "application/json", record)
}

/// What a safe with that record answers to the two requests of a first fetch.
pub(crate) fn opening(record: &str) -> Vec<String> {
    vec![proof_wanted(record), record_answer(record)]
}

fn proof_wanted(record: &str) -> String {
    let parameters =
        record.split_once(r#""kdf":"#).unwrap().1.split_once(r#","nonce":"#).unwrap().0;
    let body = format!(r#"{{"code":"proof_required","title":"","status":403,"kdf":{parameters}}}"#);
    answer("403 Forbidden", "application/problem+json", &body)
}

pub(crate) fn problem(status: u16, code: &str) -> String {
    let body = format!(r#"{{"code":"{code}","title":"x","status":{status}}}"#);
    answer(&format!("{status} X"), "application/problem+json", &body)
}

/// The record that a safe serves, and the safe.
pub(crate) fn genuine() -> (Safe, String) {
    let safe = Safe::start(b"S3kr!t");
    let (_, record) = Kept::open(&safe).fetch(&safe.credentials.token);
    (safe, record)
}

#[test]
fn no_safe_there() {
    let (_held, port) = dead_port();
    let url = format!("http://127.0.0.1:{port}");
    let hint = "start one with 'passsafe', or name another address with --url";
    for verb in ["get", "status", "close"] {
        let mut command = passsafe([verb, "--url", &url]);
        command.env("PASSSAFE_PASSPHRASE", "zoom").env("PASSSAFE_TOKEN", "000000");
        let message = format!("there is no safe at {url}; it may have expired");
        assert_failure(&command.output().unwrap(), 69, &message, hint);
    }
}

#[test]
fn something_else_answers() {
    for other in [
        answer("200 OK", "text/html", "<html>hello</html>"),
        answer("200 OK", "application/json", "{}"),
        answer("404 Not Found", "text/plain", "nothing here"),
        "HTTP/1.1 302 Found\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n"
            .to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
    ] {
        let output = get_from_rogue(&other);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(76), "{other}: {stderr}");
        assert!(stderr.starts_with("error: the server at http://localhost:"), "{stderr}");
        assert!(
            stderr.ends_with("\nhint: check the port, or name another address with --url\n"),
            "{stderr}"
        );
    }
}

#[test]
fn nobody_answers_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://localhost:{}", silent.local_addr().unwrap().port());
    let output = passsafe(["status", "--url", &url]).output().unwrap();
    assert_failure(
        &output,
        75,
        "no answer within 5s",
        "the safe may still wait for its password, or be stopped; try again",
    );
}

#[test]
fn a_safe_that_is_over_says_how() {
    for (status, code, error) in [
        (410, "expired", "the safe is expired"),
        (410, "closed", "the safe is closed"),
        (410, "spent", "the safe is spent: its last allowed use was made"),
        (423, "locked", "the safe is locked: three wrong tokens were tried"),
    ] {
        let output = get_from_rogue(&problem(status, code));
        assert_failure(&output, 77, error, "start a new one with 'passsafe'");
    }
}

#[test]
fn a_safe_with_another_name_refuses() {
    assert_failure(
        &get_from_rogue(&problem(421, "wrong_host")),
        77,
        "the Host header does not name this safe",
        "through a tunnel, start the safe with --allow-host HOST:PORT",
    );
}

#[test]
fn a_damaged_record_is_told_from_a_wrong_passphrase() {
    let (safe, record) = genuine();
    let place = record.find("ciphertext").unwrap() + 20;
    let mut damaged = record.into_bytes();
    damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
    let url = rogue(opening(&String::from_utf8(damaged).unwrap()));
    let output = safe.command(["get"]).env("PASSSAFE_URL", url).output().unwrap();
    assert_failure(
        &output,
        65,
        "the record is damaged",
        "the record was changed, or its safe is newer: start a new one",
    );
}

#[test]
fn an_absurd_cost_is_refused_before_any_memory_is_taken() {
    let (_safe, record) = genuine();
    let absurd = record.replace(r#""memory_kib":65536"#, r#""memory_kib":4194304"#);
    assert_failure(
        &get_from(opening(&absurd)),
        65,
        "key derivation cost out of bounds: 4194304 KiB, 3 iterations",
        "the record was changed, or its safe is newer: start a new one",
    );
}
