//! Raw bytes against the real service on a port of the system's choice.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use passsafe_core::wire::State;
use passsafe_server::{Admission, AllowedHosts, bind_localhost};
use tokio::runtime::Builder;

use crate::support::{PROOF, RIGHT, Server, open_safe, seal};

struct Served {
    port: u16,
    addresses: Vec<SocketAddr>,
    record: String,
    server: Server,
}

impl Served {
    fn start() -> Self {
        let sealed = seal(vec![b'x'; 65_536]);
        let listeners = bind_localhost(0).unwrap();
        let addresses: Vec<_> = listeners.iter().map(|it| it.local_addr().unwrap()).collect();
        let hosts = AllowedHosts::default().with("tunnel.example:9000");
        let safe = Arc::new(open_safe(&sealed));
        let runtime = Builder::new_current_thread();
        let server = Server::start(listeners, safe, hosts, Admission::default(), runtime);
        Self { port: addresses[0].port(), addresses, record: sealed.record.to_json(), server }
    }

    /// Sends bytes, ends the sending half, and returns all that comes back.
    fn exchange(&self, bytes: &[u8]) -> String {
        exchange(self.addresses[0], bytes)
    }

    /// A request with the right `Host` and these further header lines.
    fn request(&self, line: &str, headers: &[&str]) -> String {
        let mut text = format!("{line} HTTP/1.1\r\nHost: localhost:{}\r\n", self.port);
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("Connection: close\r\n\r\n");
        self.exchange(text.as_bytes())
    }

    fn with_token(&self, line: &str, token: &str) -> String {
        self.request(
            line,
            &[&format!("Passsafe-Token: {token}"), &format!("Passsafe-Proof: {PROOF}")],
        )
    }

    fn attempts_left(&self) -> String {
        body(&self.request("GET /v1/status", &[])).to_owned()
    }

    /// Waits for the server to end by itself.
    fn end(&mut self) -> State {
        self.server.thread.take().unwrap().join().unwrap()
    }
}

fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

fn has_header(answer: &str, line: &str) -> bool {
    answer.split_once("\r\n\r\n").unwrap().0.lines().any(|it| it.eq_ignore_ascii_case(line))
}

const UNTOUCHED: &str =
    r#""state":"open","expires_in_seconds":28799,"attempts_left":3,"proofs_left":10}"#;

fn assert_untouched(served: &Served) {
    let status = served.attempts_left();
    assert!(
        status.ends_with(r#""attempts_left":3,"proofs_left":10}"#)
            && status.contains(r#""state":"open""#),
        "{status}"
    );
}

#[test]
fn the_right_token_gets_the_record_on_both_addresses() {
    let served = Served::start();
    for address in &served.addresses {
        let host = if address.is_ipv6() { "[::1]" } else { "127.0.0.1" };
        let answer = exchange(
            *address,
            format!("POST /v1/secret HTTP/1.1\r\nhost: {host}:{}\r\npasssafe-token: {RIGHT}\r\npasssafe-proof: {PROOF}\r\nConnection: close\r\n\r\n", served.port).as_bytes(),
        );
        assert_eq!(status(&answer), "200");
        assert_eq!(body(&answer), served.record);
        assert!(has_header(&answer, "content-type: application/json"));
        assert!(has_header(&answer, "cache-control: no-store"));
        assert!(
            answer.contains("\r\npasssafe-expires-in: 28799\r\n")
                || answer.contains("\r\npasssafe-expires-in: 28800\r\n"),
            "{}",
            &answer[..300]
        );
        assert!(!answer.to_ascii_lowercase().contains("access-control"));
    }
}

#[test]
fn the_status_needs_no_token() {
    let served = Served::start();
    let answer = served.request("GET /v1/status", &[]);
    assert_eq!(status(&answer), "200");
    assert!(has_header(&answer, "cache-control: no-store"));
    let json = body(&answer);
    assert!(json.starts_with(r#"{"protocol":1,"state":"open","expires_in_seconds":28"#), "{json}");
    assert_eq!(json.len(), format!(r#"{{"protocol":1,{UNTOUCHED}"#).len());
}

#[test]
fn close_is_for_good_and_ends_the_server() {
    let mut served = Served::start();
    let answer = served.with_token("POST /v1/close", RIGHT);
    assert_eq!(status(&answer), "204");
    assert!(has_header(&answer, "cache-control: no-store"));
    assert_eq!(served.end(), State::Closed);
}

#[test]
fn three_wrong_tokens_lock_and_the_right_one_comes_too_late() {
    let served = Served::start();
    for (wrong, left) in [("000000", 2), ("000001", 1), ("000002", 0)] {
        let answer = served.with_token("POST /v1/secret", wrong);
        assert_eq!(status(&answer), "401");
        assert!(has_header(&answer, "content-type: application/problem+json"));
        assert!(has_header(&answer, "www-authenticate: Passsafe-Token"));
        assert_eq!(
            body(&answer),
            format!(
                r#"{{"code":"invalid_token","title":"the token is wrong","status":401,"attempts_left":{left}}}"#
            )
        );
    }
    for line in ["POST /v1/secret", "POST /v1/close"] {
        let answer = served.with_token(line, RIGHT);
        assert_eq!(status(&answer), "423");
        assert!(body(&answer).starts_with(r#"{"code":"locked","#));
    }
    assert!(
        served
            .attempts_left()
            .contains(r#""state":"locked","expires_in_seconds":0,"attempts_left":0"#)
    );
}

#[test]
fn secret_and_close_share_the_count() {
    let served = Served::start();
    for line in ["POST /v1/secret", "POST /v1/close", "POST /v1/secret"] {
        assert_eq!(status(&served.with_token(line, "111111")), "401");
    }
    assert_eq!(status(&served.with_token("POST /v1/secret", RIGHT)), "423");
}

#[test]
fn concurrent_wrong_tokens_are_judged_three_times_in_all() {
    let served = Served::start();
    let answers: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..25)
                        .map(|_| status(&served.with_token("POST /v1/secret", "111111")).to_owned())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|it| *it == "401").count(), 3);
    assert_eq!(answers.iter().filter(|it| *it == "423").count(), 197);
}

/// The token alone gets no letter of the ciphertext: by no method, path, header or state.
#[test]
fn without_a_proof_no_answer_has_the_ciphertext() {
    let served = Served::start();
    let ciphertext = served.record.rsplit('"').nth(1).unwrap().to_owned();
    let piece = &ciphertext[100..140];
    let token = format!("Passsafe-Token: {RIGHT}");
    let proof = format!("Passsafe-Proof: {PROOF}");
    let wrong = "Passsafe-Proof: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let lower = format!("Passsafe-Proof: {}", PROOF.replacen('W', "w", 1));
    let quoted = format!("Passsafe-Proof: \"{PROOF}\"");
    let padded = format!("Passsafe-Proof: {PROOF}=");
    let listed = format!("Passsafe-Proof: {PROOF}, {PROOF}");
    let as_token = format!("Passsafe-Token: {RIGHT}, {PROOF}");
    let elsewhere = format!("X-Passsafe-Proof: {PROOF}");
    let cases: &[(&str, &str, &[&str])] = &[
        ("403", "POST /v1/secret", &[&token]),
        ("403", "POST /v1/secret", &[&token, &elsewhere]),
        ("403", "POST /v1/secret", &[&token, &format!("Cookie: {proof}")]),
        ("403", "POST /v1/secret", &[&token, &format!("Authorization: Bearer {PROOF}")]),
        ("403", "POST /v1/secret", &[&token, "Range: bytes=0-", "If-None-Match: *"]),
        ("403", "POST /v1/secret", &[&token, wrong]),
        ("403", "POST /v1/secret", &[&token, &lower]),
        ("400", "POST /v1/secret", &[&token, "Passsafe-Proof:"]),
        ("400", "POST /v1/secret", &[&token, &quoted]),
        ("400", "POST /v1/secret", &[&token, &padded]),
        ("400", "POST /v1/secret", &[&token, &listed]),
        ("400", "POST /v1/secret", &[&token, &proof, &proof]),
        ("400", "POST /v1/secret", &[&token, &proof, wrong]),
        ("400", "POST /v1/secret", &[&as_token]),
        ("400", "POST /v1/secret", &[&proof]),
        ("404", "POST /v1/proof", &[&token]),
        ("404", "POST /v1/secret?proof", &[&token, &proof]),
        ("405", "GET /v1/secret", &[&token, &proof]),
        ("405", "HEAD /v1/secret", &[&token, &proof]),
        ("200", "GET /v1/status", &[&token, &proof]),
    ];
    for (expected, line, headers) in cases {
        let answer = served.request(line, headers);
        assert_eq!(status(&answer), *expected, "{line} {headers:?}");
        assert!(!answer.contains(piece), "{line} {headers:?}");
        assert!(!answer.contains(PROOF), "{line} {headers:?}");
    }
    let left = served.attempts_left();
    assert!(left.ends_with(r#""attempts_left":3,"proofs_left":8}"#), "{left}");
    assert!(
        served.request("POST /v1/secret", &[&token, &proof]).contains(piece),
        "the test is blind"
    );
    for _ in 0..8 {
        served.request("POST /v1/secret", &[&token, wrong]);
    }
    for headers in [&[token.as_str()][..], &[&token, &proof], &[&token, wrong], &[&token, &padded]]
    {
        let answer = served.request("POST /v1/secret", headers);
        assert_eq!(status(&answer), "423", "{headers:?}");
        assert!(body(&answer).ends_with(r#""attempts_left":3,"proofs_left":0}"#), "{answer}");
    }
}

/// A malformed proof is no way to guess tokens for nothing.
#[test]
fn a_wrong_token_counts_whatever_the_proof_is() {
    let served = Served::start();
    for (left, proof) in [(2, "x"), (1, PROOF), (0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    {
        let proof = format!("Passsafe-Proof: {proof}");
        let answer = served.request("POST /v1/secret", &["Passsafe-Token: 000000", &proof]);
        assert_eq!(status(&answer), "401");
        assert!(body(&answer).ends_with(&format!(r#""attempts_left":{left}}}"#)), "{answer}");
    }
    assert!(served.attempts_left().ends_with(r#""attempts_left":0,"proofs_left":10}"#));
}

#[test]
fn what_a_proof_takes_is_what_the_record_says() {
    let served = Served::start();
    let answer = served.request("POST /v1/secret", &[&format!("Passsafe-Token: {RIGHT}")]);
    let (_, from) = served.record.split_once(r#""kdf":"#).unwrap();
    let (parameters, _) = from.split_once(r#","nonce""#).unwrap();
    let title = "the safe wants a proof that the passphrase is known";
    let expected =
        format!(r#"{{"code":"proof_required","title":"{title}","status":403,"kdf":{parameters}}}"#);
    assert_eq!(body(&answer), expected);
}

/// Everything that is refused in front of the counter, with wrong tokens and with none.
#[test]
fn guards_refuse_without_counting() {
    let served = Served::start();
    let token = "Passsafe-Token: 000000";
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("403", "forbidden_origin", "POST /v1/secret", &[token, "Origin: http://evil.example"]),
        ("403", "forbidden_origin", "POST /v1/secret", &[token, "Origin: null"]),
        ("403", "forbidden_origin", "POST /v1/secret", &[token, "Origin: http://localhost:8051"]),
        ("403", "forbidden_origin", "POST /v1/secret", &[token, "Sec-Fetch-Site: cross-site"]),
        ("403", "forbidden_origin", "POST /v1/secret", &[token, "Sec-Fetch-Site: same-origin"]),
        (
            "403",
            "forbidden_origin",
            "GET /v1/status",
            &["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"],
        ),
        (
            "403",
            "forbidden_origin",
            "GET /v1/status",
            &["Sec-Fetch-Site: none", "Sec-Purpose: prefetch"],
        ),
        ("404", "not_found", "POST /", &[token]),
        ("404", "not_found", "POST /v1/secret/", &[token]),
        ("404", "not_found", "POST /v1/secret?token=000000", &[token]),
        ("404", "not_found", "POST //v1/secret", &[token]),
        ("404", "not_found", "POST /V1/SECRET", &[token]),
        ("404", "not_found", "OPTIONS *", &[token]),
        ("405", "method_not_allowed", "GET /v1/secret", &[token]),
        ("405", "method_not_allowed", "OPTIONS /v1/secret", &[token]),
        ("405", "method_not_allowed", "post /v1/secret", &[token]),
        ("405", "method_not_allowed", "POST /v1/status", &[token]),
        ("405", "method_not_allowed", "GET /v1/close", &[token]),
        ("413", "body_not_allowed", "POST /v1/secret", &[token, "Content-Length: 5"]),
        ("413", "body_not_allowed", "POST /v1/secret", &[token, "Transfer-Encoding: chunked"]),
        (
            "413",
            "body_not_allowed",
            "POST /v1/secret",
            &[token, "Expect: 100-continue", "Content-Length: 5"],
        ),
        ("400", "missing_token", "POST /v1/secret", &[]),
        ("400", "missing_token", "POST /v1/close", &[]),
        ("400", "malformed_token", "POST /v1/secret", &[token, token]),
        ("400", "malformed_token", "POST /v1/secret", &["Passsafe-Token:"]),
        ("400", "malformed_token", "POST /v1/secret", &["Passsafe-Token: 00000"]),
        ("400", "malformed_token", "POST /v1/secret", &["Passsafe-Token: 0000000"]),
        ("400", "malformed_token", "POST /v1/secret", &["Passsafe-Token: 000 000"]),
        ("400", "malformed_token", "POST /v1/secret", &["Passsafe-Token: 00000x"]),
        ("400", "malformed_token", "POST /v1/secret", &["Passsafe-Token: 000000, 000000"]),
    ];
    for (expected, code, line, headers) in cases {
        let answer = served.request(line, headers);
        assert_eq!(status(&answer), *expected, "{line} {headers:?}");
        assert!(body(&answer).starts_with(&format!(r#"{{"code":"{code}","#)), "{line} {headers:?}");
        assert!(has_header(&answer, "cache-control: no-store"), "{line}");
        assert!(!answer.contains("evil.example") && !answer.contains("000000"), "{answer}");
    }
    assert_untouched(&served);
    assert_eq!(status(&served.with_token("POST /v1/secret", RIGHT)), "200");
}

/// hyper would drop a fragment and hand on the rest.
#[test]
fn a_target_with_a_fragment_is_malformed() {
    let served = Served::start();
    for line in ["POST /v1/secret#a", "POST /v1/secret#", "POST /#/v1/secret", "POST /v1/close#"] {
        let answer = served.with_token(line, "000000");
        assert_eq!(status(&answer), "400", "{line}: {answer}");
        assert_eq!(body(&answer), "", "{line}");
    }
    let absolute = format!("POST http://localhost:{}/v1/secret#a", served.port);
    assert_eq!(status(&served.with_token(&absolute, "000000")), "400");
    assert_untouched(&served);
    let marked = ["Passsafe-Token: 000000", "X-Channel: #general HTTP/1.1"];
    assert_eq!(status(&served.request("POST /v1/secret", &marked)), "401");
}

#[test]
fn other_names_are_refused_without_counting() {
    let served = Served::start();
    let port = served.port;
    let ask = |head: &str| {
        served.exchange(
            format!("{head}\r\nPasssafe-Token: 000000\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    };
    for head in [
        "POST /v1/secret HTTP/1.1".to_owned(),
        "POST /v1/secret HTTP/1.0".to_owned(),
        "POST /v1/secret HTTP/1.1\r\nHost:".to_owned(),
        "POST /v1/secret HTTP/1.1\r\nHost: localhost".to_owned(),
        format!("POST /v1/secret HTTP/1.1\r\nHost: evil.example:{port}"),
        format!("POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nHost: localhost:{port}"),
        format!("POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.example"),
        format!("POST http://evil.example/v1/secret HTTP/1.1\r\nHost: localhost:{port}"),
        format!("POST http://localhost:{port}/v1/secret HTTP/1.1\r\nHost: evil.example"),
        format!("POST http://a@localhost:{port}/v1/secret HTTP/1.1\r\nHost: localhost:{port}"),
        format!("CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost:{port}"),
    ] {
        let answer = ask(&head);
        assert_eq!(status(&answer), "421", "{head}");
        assert!(body(&answer).starts_with(r#"{"code":"wrong_host","#), "{head}");
    }
    assert_untouched(&served);
    for head in [
        format!("POST http://localhost:{port}/v1/secret HTTP/1.1\r\nHost: LOCALHOST:{port}"),
        "POST /v1/secret HTTP/1.1\r\nHost: tunnel.example:9000".to_owned(),
        format!("POST /v1/secret HTTP/1.0\r\nHost: [::1]:{port}"),
    ] {
        let answer = served.exchange(
            format!("{head}\r\nPasssafe-Token: {RIGHT}\r\nPasssafe-Proof: {PROOF}\r\nConnection: close\r\n\r\n").as_bytes(),
        );
        assert_eq!(status(&answer), "200", "{head}");
    }
}

#[test]
fn the_method_that_a_path_has_is_named() {
    let served = Served::start();
    assert!(has_header(&served.request("GET /v1/secret", &[]), "allow: POST"));
    assert!(has_header(&served.request("PUT /v1/status", &[]), "allow: GET"));
}

#[test]
fn a_body_of_no_bytes_is_no_body() {
    let served = Served::start();
    let token = format!("Passsafe-Token: {RIGHT}");
    let proof = format!("Passsafe-Proof: {PROOF}");
    let headers = [token.as_str(), &proof, "Content-Length: 0"];
    assert_eq!(status(&served.request("POST /v1/secret", &headers)), "200");
}

#[test]
fn a_body_is_refused_and_nothing_behind_it_is_answered() {
    let served = Served::start();
    let head = format!("Host: localhost:{}\r\nPasssafe-Token: 000000\r\n", served.port);
    for body in [
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let behind = format!("POST /v1/secret HTTP/1.1\r\n{head}\r\n");
        let answers =
            served.exchange(format!("POST /v1/secret HTTP/1.1\r\n{head}{body}{behind}").as_bytes());
        assert_eq!(status(&answers), "413");
        assert!(has_header(&answers, "connection: close"));
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    }
    assert_untouched(&served);
}

#[test]
fn what_is_no_http_gets_a_bare_answer_and_counts_nothing() {
    let served = Served::start();
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/secret HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /v1/secret HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let answer = served.exchange(bytes);
        assert!(answer.is_empty() || ["400", "505"].contains(&status(&answer)), "{answer}");
    }
    assert_untouched(&served);
}

#[test]
fn one_connection_serves_many_requests() {
    let served = Served::start();
    let one = format!(
        "POST /v1/secret HTTP/1.1\r\nHost: localhost:{}\r\nPasssafe-Token: {RIGHT}\r\nPasssafe-Proof: {PROOF}\r\n\r\n",
        served.port
    );
    let last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answers = served.exchange(format!("{one}{one}{last}").as_bytes());
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 3);
    assert_eq!(answers.matches(&served.record).count(), 3);
}

#[test]
fn shutdown_does_not_wait_for_clients() {
    let mut served = Served::start();
    let mut idle = TcpStream::connect(served.addresses[0]).unwrap();
    idle.write_all(b"GET /v1/status HTT").unwrap();
    assert_eq!(served.server.stop(), Some(State::Closed));
    let mut bytes = Vec::new();
    let _cut = idle.read_to_end(&mut bytes);
    assert!(bytes.is_empty());
}
