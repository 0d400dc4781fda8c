//! Floods, in a small form: idle connections, wrong tokens by the thousand, and the end
//! under load. `cargo xtask prove` has the long forms.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "it/support.rs"]
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use passsafe_core::Proof;
use passsafe_core::wire::State;
use passsafe_server::{Admission, AllowedHosts, bind_localhost};
use tokio::runtime::Builder;

use support::{PROOF, RIGHT, Server, open_safe, seal};

/// Connections that a safe holds at most.
const MAX_CONNECTIONS: usize = 256;

struct Served {
    address: SocketAddr,
    server: Server,
}

impl Served {
    /// Served by several threads, so that what is not done under the lock can be seen.
    fn start() -> Self {
        let listeners = bind_localhost(0).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let safe = Arc::new(open_safe(&seal("S3kr!t")));
        let (hosts, admission) = (AllowedHosts::default(), Admission::default());
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(4);
        Self { address, server: Server::start(listeners, safe, hosts, admission, runtime) }
    }

    fn connect(&self) -> Kept {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Kept { port: self.address.port(), stream: BufReader::new(stream) }
    }

    fn idle(&self, count: usize) -> Vec<TcpStream> {
        (0..count).map(|_| TcpStream::connect(self.address).unwrap()).collect()
    }
}

/// A connection that is kept.
struct Kept {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Kept {
    /// Asks for the record, and returns the answer's status and body.
    fn fetch(&mut self, token: &str) -> (u16, String) {
        self.ask(token, PROOF)
    }

    /// The same with another proof.
    fn prove(&mut self, proof: &Proof) -> (u16, String) {
        let mut written = [0; Proof::WIRE_LEN];
        proof.write_wire(&mut written);
        self.ask(RIGHT, str::from_utf8(&written).unwrap())
    }

    fn ask(&mut self, token: &str, proof: &str) -> (u16, String) {
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nHost: localhost:{}\r\nPasssafe-Token: {token}\r\nPasssafe-Proof: {proof}\r\n\r\n",
            self.port
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "hung up: {head}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
    }
}

/// Whether the other side has neither closed nor reset it.
fn is_alive(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn idle_connections_go_oldest_first_and_the_owner_is_served() {
    let served = Served::start();
    let mut kept = served.connect();
    assert_eq!(kept.fetch(RIGHT).0, 200);
    let idle = served.idle(MAX_CONNECTIONS - 2);
    // Accepted after all of them.
    assert_eq!(served.connect().fetch(RIGHT).0, 200);
    // Having just asked, it is younger than all of them.
    assert_eq!(kept.fetch(RIGHT).0, 200);
    let more_idle = served.idle(50);
    for _ in 0..50 {
        assert_eq!(served.connect().fetch(RIGHT).0, 200);
    }
    assert_eq!(kept.fetch(RIGHT).0, 200);
    let alive: Vec<bool> = idle.iter().chain(&more_idle).map(is_alive).collect();
    assert!(alive.is_sorted(), "the oldest go first: {alive:?}");
    let alive = alive.iter().filter(|alive| **alive).count();
    assert!((MAX_CONNECTIONS - 60..MAX_CONNECTIONS).contains(&alive), "{alive}");
}

#[test]
fn two_wrong_tokens_keep_nobody_out() {
    const CONNECTIONS: usize = 50;
    let served = Served::start();
    for left in [2, 1] {
        let (status, body) = served.connect().fetch("000000");
        assert!(status == 401 && body.ends_with(&format!("\"attempts_left\":{left}}}")), "{body}");
    }
    let start = Barrier::new(CONNECTIONS);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = served.connect();
                start.wait();
                for _ in 0..20 {
                    assert_eq!(connection.fetch(RIGHT).0, 200);
                }
            });
        }
    });
}

#[test]
fn of_twenty_thousand_wrong_tokens_three_are_judged() {
    const CONNECTIONS: usize = 50;
    let served = Served::start();
    let start = Barrier::new(CONNECTIONS + 1);
    // When each token that was judged had been sent, with what was said to be left.
    let guess = || {
        let mut connection = served.connect();
        start.wait();
        let mut judged = Vec::new();
        for number in 0..400 {
            let sent = Instant::now();
            let (status, body) = connection.fetch(&format!("{number:06}"));
            match status {
                401 => judged.push((body.as_bytes()[body.len() - 2] - b'0', sent)),
                status => assert_eq!(status, 423),
            }
        }
        judged
    };
    let own = || {
        let mut connection = served.connect();
        start.wait();
        loop {
            let (status, _) = connection.fetch(RIGHT);
            if status != 200 {
                return (status, Instant::now());
            }
        }
    };
    let (mut judged, (status, refused)) = thread::scope(|scope| {
        let guessers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(guess)).collect();
        let owner = scope.spawn(own);
        let judged: Vec<_> = guessers.into_iter().flat_map(|it| it.join().unwrap()).collect();
        (judged, owner.join().unwrap())
    });
    judged.sort_unstable();
    let left: Vec<u8> = judged.iter().map(|(left, _)| *left).collect();
    assert_eq!(left, [0, 1, 2]);
    assert_eq!(status, 423);
    assert!(refused >= judged[0].1, "the right token was refused before the third wrong one came");
    assert_eq!(served.connect().fetch(RIGHT).0, 423);
}

#[test]
fn the_end_waits_for_none_of_many() {
    let mut served = Served::start();
    let mut clients = served.idle(2 * MAX_CONNECTIONS);
    for client in clients.iter_mut().skip(MAX_CONNECTIONS).step_by(2) {
        let _evicted_by_now = client.write_all(b"POST /v1/secret HTT");
    }
    let start = Instant::now();
    assert_eq!(served.server.stop().unwrap(), State::Closed);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(!clients.iter().any(is_alive));
}

/// Of ten thousand wrong proofs ten are judged; wrong tokens in between are counted apart, and
/// whatever locks the safe first ends the other count too.
#[test]
fn of_ten_thousand_wrong_proofs_ten_are_judged() {
    const CONNECTIONS: usize = 64;
    const EACH: usize = 160;
    for tokens in [0, 2] {
        let served = Served::start();
        for _ in 0..tokens {
            assert_eq!(served.connect().fetch("000000").0, 401);
        }
        let start = Barrier::new(CONNECTIONS);
        let guess = || {
            let mut connection = served.connect();
            start.wait();
            let mut left = Vec::new();
            for number in 0..EACH {
                let (status, body) =
                    connection.prove(&Proof::copied(&[u8::try_from(number).unwrap(); 32]));
                match status {
                    403 => left.push(body),
                    status => assert_eq!(status, 423),
                }
            }
            left
        };
        let mut judged: Vec<String> = thread::scope(|scope| {
            let guessers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(guess)).collect();
            guessers.into_iter().flat_map(|it| it.join().unwrap()).collect()
        });
        judged.sort();
        let expected = |left| {
            format!(
                r#"{{"code":"wrong_passphrase","title":"the passphrase or the user is wrong","status":403,"proofs_left":{left}}}"#
            )
        };
        assert_eq!(judged, (0..10).map(expected).collect::<Vec<_>>());
        let (status, body) = served.connect().fetch(RIGHT);
        let counts = format!(r#""attempts_left":{},"proofs_left":0}}"#, 3 - tokens);
        assert!(status == 423 && body.ends_with(&counts), "{body}");
    }
}

#[test]
fn wrong_tokens_and_wrong_proofs_at_once_are_counted_apart() {
    const CONNECTIONS: u8 = 64;
    let served = Served::start();
    let start = Barrier::new(CONNECTIONS.into());
    let guess = |number: u8| {
        let mut connection = served.connect();
        start.wait();
        // Many more guessers of proofs, so that either count has a chance to end first.
        let (mut tokens, mut proofs) = (0, 0);
        for round in 0..100 {
            let (status, _) = if number.is_multiple_of(8) {
                connection.fetch(&format!("0000{round:02}"))
            } else {
                connection.prove(&Proof::copied(&[number; 32]))
            };
            match status {
                401 => tokens += 1,
                403 => proofs += 1,
                status => assert_eq!(status, 423),
            }
        }
        (tokens, proofs)
    };
    let (tokens, proofs) = thread::scope(|scope| {
        let guessers: Vec<_> =
            (0..CONNECTIONS).map(|number| scope.spawn(move || guess(number))).collect();
        let judged = guessers.into_iter().map(|it| it.join().unwrap());
        judged.fold((0, 0), |(tokens, proofs), (more, others)| (tokens + more, proofs + others))
    });
    assert!((tokens == 3 && proofs < 10) || (tokens < 3 && proofs == 10), "{tokens}, {proofs}");
    let (status, body) = served.connect().fetch(RIGHT);
    let counts = format!(r#""attempts_left":{},"proofs_left":{}}}"#, 3 - tokens, 10 - proofs);
    assert!(status == 423 && body.ends_with(&counts), "{body}");
}
