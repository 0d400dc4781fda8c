//! What a real browser sends for a hostile page, replayed without one.
//!
//! Each guard is tested by headers that pass the others, so that taking one out shows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "it/support.rs"]
mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use passsafe_core::wire::{State, Status};
use passsafe_server::{Admission, AllowedHosts, bind_localhost};
use serde::Deserialize;
use tokio::runtime::Builder;

use support::{PROOF, RIGHT, Server, open_safe, seal};

const WRONG: &str = "000000";

#[derive(Deserialize)]
struct Vectors {
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    page: String,
    lines: Vec<String>,
}

impl Request {
    fn all() -> Vec<Self> {
        let vectors: Vectors = serde_json::from_str(include_str!("vectors/chromium.json")).unwrap();
        vectors.requests
    }

    /// The request as it was seen, its body left out.
    fn as_seen(&self, port: u16) -> String {
        let lines = self.lines.iter().filter(|line| !is(line, "connection"));
        let mut text = String::new();
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        let text = text.replace("{safe}", &port.to_string()).replace("{hostile}", "9");
        text.replace("{token}", RIGHT) + "Connection: close\r\n\r\n"
    }

    /// A request for the record as only the page's headers could make it fail.
    fn with_token(&self, port: u16, token: &str) -> String {
        let mut lines = vec!["POST /v1/secret HTTP/1.1".to_owned()];
        let of_no_matter = ["content-length", "passsafe-token"];
        let kept =
            self.lines[1..].iter().filter(|line| !of_no_matter.iter().any(|it| is(line, it)));
        lines.extend(kept.cloned());
        lines.push(format!("Passsafe-Token: {token}"));
        Self { page: self.page.clone(), lines }.as_seen(port)
    }
}

fn is(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(it, _)| it.eq_ignore_ascii_case(name))
}

struct Served {
    port: u16,
    _server: Server,
}

impl Served {
    fn start() -> Self {
        let listeners = bind_localhost(0).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        let safe = Arc::new(open_safe(&seal("S3kr!t")));
        let (hosts, admission) = (AllowedHosts::default(), Admission::default());
        let runtime = Builder::new_current_thread();
        Self { port, _server: Server::start(listeners, safe, hosts, admission, runtime) }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn assert_untouched(&self) {
        let port = self.port;
        let head = format!("HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n");
        let answer = self.ask(&format!("GET /v1/status {head}\r\n"));
        let status: Status =
            serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((status.state, status.attempts_left), (State::Open, 3));
        let answer = self.ask(&format!(
            "POST /v1/secret {head}Passsafe-Token: {RIGHT}\r\nPasssafe-Proof: {PROOF}\r\n\r\n"
        ));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[test]
fn whatever_a_page_sends_is_refused_and_counts_nothing() {
    let served = Served::start();
    let requests = Request::all();
    for page in ["cross-site", "same-site", "rebound"] {
        assert!(requests.iter().filter(|it| it.page == page).count() >= 20, "{page}");
    }
    for request in &requests {
        let rebound = request.lines.contains(&"Host: evil.example:{safe}".to_owned());
        let expected = if rebound { "421" } else { "403" };
        for text in [
            request.as_seen(served.port),
            request.with_token(served.port, WRONG),
            request.with_token(served.port, RIGHT),
        ] {
            let answer = served.ask(&text);
            assert_eq!(answer.get(9..12), Some(expected), "{text}\n{answer}");
            assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
        }
    }
    served.assert_untouched();
}

/// Of the headers that give a page away, each alone does.
#[test]
fn each_mark_of_a_page_is_enough() {
    let served = Served::start();
    let port = served.port;
    let ask = |lines: &str| {
        let head = format!("POST /v1/secret HTTP/1.1\r\n{lines}\r\nPasssafe-Token: {WRONG}\r\n");
        served.ask(&format!("{head}Connection: close\r\n\r\n"))
    };
    let ours = format!("Host: localhost:{port}");
    let marks = ["Sec-Fetch-Site", "Origin", "Sec-Purpose"];
    for mark in marks {
        let with = |request: &Request| {
            let line = request.lines.iter().find(|line| is(line, mark))?;
            Some(line.replace("{hostile}", "9").replace("{safe}", &port.to_string()))
        };
        let seen: Vec<String> = Request::all().iter().filter_map(with).collect();
        let telling: Vec<_> = seen.iter().filter(|line| !line.ends_with(": none")).collect();
        assert!(!telling.is_empty(), "{mark}");
        for line in telling {
            let answer = ask(&format!("{ours}\r\n{line}"));
            assert!(answer.starts_with("HTTP/1.1 403 "), "{line}: {answer}");
        }
    }
    let answer = ask(&format!("Host: evil.example:{port}"));
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    served.assert_untouched();
}
