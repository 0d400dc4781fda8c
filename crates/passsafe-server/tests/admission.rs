//! Which accounts a served safe admits: real connections of this account and of
//! another one, by TCP and by a Unix socket.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "it/account.rs"]
mod account;
#[path = "it/support.rs"]
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use passsafe_peer::{Peers, Socket, SocketOwner, Source};
use passsafe_server::{
    Admission, AllowedHosts, Event, Events, Listener, Safe, SocketFile, SocketMode, bind_localhost,
};
use tempfile::TempDir;
use tokio::runtime::Builder;

use account::{OTHER, as_other};
use support::{Server, open_safe, seal};

/// A safe served on localhost and on a socket.
struct Served {
    address: SocketAddr,
    socket: PathBuf,
    safe: Arc<Safe>,
    events: Events,
    _server: Server,
    _folder: TempDir,
}

impl Served {
    fn start(admission: impl FnOnce(Admission) -> Admission) -> Self {
        let (safe, events) = open_safe(&seal("S3kr!t")).with_events();
        let safe = Arc::new(safe);
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let socket = folder.path().join("safe.sock");
        let tcp = bind_localhost(0).unwrap();
        let address = tcp.first().unwrap().local_addr().unwrap();
        let (unix, _) = SocketFile::bind(&socket, SocketMode::Everybody).unwrap();
        let listeners: Vec<Listener> =
            tcp.into_iter().map(Listener::from).chain([unix.into()]).collect();
        let admission = admission(Admission::default());
        let (hosts, runtime) = (AllowedHosts::default(), Builder::new_current_thread());
        let server = Server::start(listeners, safe.clone(), hosts, admission, runtime);
        Self { address, socket, safe, events, _server: server, _folder: folder }
    }

    /// A wrong token by TCP, and all that comes back.
    fn guess(&self) -> String {
        let stream = TcpStream::connect(self.address).unwrap();
        exchange(stream, &format!("localhost:{}", self.address.port()))
    }

    /// The same by the socket.
    fn guess_by_socket(&self) -> String {
        exchange(UnixStream::connect(&self.socket).unwrap(), "localhost")
    }

    /// What was reported since the last time. A report comes before the connection is closed.
    fn reported(&mut self) -> Vec<Option<u32>> {
        let mut reported = Vec::new();
        while let Some(event) = self.events.try_next() {
            if let Event::RefusedAccount { account } = event {
                reported.push(account);
            }
        }
        reported
    }

    fn attempts_left(&self) -> u8 {
        self.safe.status().attempts_left
    }
}

fn exchange(mut stream: impl Read + Write, host: &str) -> String {
    let request = format!(
        "POST /v1/secret HTTP/1.1\r\nHost: {host}\r\nPasssafe-Token: 000000\r\nConnection: close\r\n\r\n"
    );
    // The connection of a refused client may be closed at any moment.
    let _refused = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _refused = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// The look-up finds the account that serves, but only after the connection was reset: by then its
/// address may be another process's.
#[test]
fn a_connection_that_is_gone_after_its_look_up_is_not_heard() {
    static CLIENT: Mutex<Option<Receiver<TcpStream>>> = Mutex::new(None);
    fn slow(_: SocketAddr, _: SocketAddr) -> Socket {
        // Two wrong tokens wait in the socket's queue. Dropped without linger, it is reset.
        if let Some(client) = CLIENT.lock().unwrap().take() {
            let client = client.recv().unwrap();
            rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
        }
        SocketOwner::Account(passsafe_peer::own_account()).into()
    }
    for any in [false, true] {
        let (sender, receiver) = channel();
        *CLIENT.lock().unwrap() = Some(receiver);
        let mut served = Served::start(|own| {
            let own = own.with_peers(Peers::by(&[Source::Function(slow)]));
            if any { own.with_any_user() } else { own }
        });
        let mut client = TcpStream::connect(served.address).unwrap();
        let host = format!("localhost:{}", served.address.port());
        let guess =
            format!("POST /v1/secret HTTP/1.1\r\nHost: {host}\r\nPasssafe-Token: 000000\r\n\r\n");
        client.write_all(guess.repeat(2).as_bytes()).unwrap();
        sender.send(client).unwrap();
        // The same thread accepts and answers, so it is done with the first connection by now.
        assert!(served.guess().starts_with("HTTP/1.1 401 "));
        assert_eq!(served.attempts_left(), 2);
        assert!(served.reported().is_empty());
    }
}

#[test]
fn the_account_that_serves_is_let_in() {
    let mut served = Served::start(|own| own);
    assert!(served.guess().starts_with("HTTP/1.1 401 "));
    assert!(served.guess_by_socket().starts_with("HTTP/1.1 401 "));
    assert_eq!(served.attempts_left(), 1);
    assert!(served.reported().is_empty());
}

#[test]
fn another_account_is_closed_out_unheard_uncounted_and_reported() {
    let mut served = Served::start(|own| own);
    for _ in 0..100 {
        assert_eq!(as_other(|| served.guess()), "");
        assert_eq!(served.reported(), [Some(OTHER)]);
        assert_eq!(as_other(|| served.guess_by_socket()), "");
        assert_eq!(served.reported(), [Some(OTHER)]);
    }
    assert_eq!(served.attempts_left(), 3);
    assert!(served.guess().starts_with("HTTP/1.1 401 "));
}

#[test]
fn root_is_refused_like_any_other() {
    let mut served = as_other(|| Served::start(|own| own));
    assert_eq!(served.guess(), "");
    assert_eq!(served.reported(), [Some(0)]);
    assert_eq!(served.guess_by_socket(), "");
    assert_eq!(served.reported(), [Some(0)]);
    assert_eq!(served.attempts_left(), 3);
    assert!(as_other(|| served.guess()).starts_with("HTTP/1.1 401 "));
    assert!(as_other(|| served.guess_by_socket()).starts_with("HTTP/1.1 401 "));
}

#[test]
fn an_account_may_be_admitted_by_its_number_or_with_all_others() {
    let admissions: [fn(Admission) -> Admission; 2] =
        [|own| own.with_user(OTHER), Admission::with_any_user];
    for admission in admissions {
        let served = Served::start(admission);
        assert!(as_other(|| served.guess()).starts_with("HTTP/1.1 401 "));
        assert!(as_other(|| served.guess_by_socket()).starts_with("HTTP/1.1 401 "));
        assert!(served.guess().starts_with("HTTP/1.1 401 "));
        assert_eq!(served.attempts_left(), 0);
    }
}

#[test]
fn where_netlink_is_refused_the_tables_tell() {
    let mut served = Served::start(|own| own.with_peers(Peers::by(&[Source::Tables("/proc/net")])));
    assert_eq!(as_other(|| served.guess()), "");
    assert_eq!(served.reported(), [Some(OTHER)]);
    assert!(served.guess().starts_with("HTTP/1.1 401 "));
    assert_eq!(served.attempts_left(), 2);
}

#[test]
fn where_nothing_tells_everybody_is_refused_at_the_port() {
    let nothing = || Peers::by(&[Source::Tables("/nowhere")]);
    let mut served = Served::start(|own| own.with_user(OTHER).with_peers(nothing()));
    assert_eq!(served.guess(), "");
    assert_eq!(as_other(|| served.guess()), "");
    assert_eq!(served.reported(), [None; 2]);
    assert_eq!(served.attempts_left(), 3);
    // A socket is asked itself.
    assert!(served.guess_by_socket().starts_with("HTTP/1.1 401 "));
    let served = Served::start(|own| own.with_any_user().with_peers(nothing()));
    assert!(as_other(|| served.guess()).starts_with("HTTP/1.1 401 "));
}

#[test]
fn who_has_gone_again_is_not_reported() {
    let mut served = Served::start(|own| own);
    for _ in 0..20 {
        drop(as_other(|| TcpStream::connect(served.address).unwrap()));
    }
    // Accepted after those.
    assert!(served.guess().starts_with("HTTP/1.1 401 "));
    assert!(served.reported().iter().all(|refused| *refused == Some(OTHER)));
    assert_eq!(served.attempts_left(), 2);
}

#[test]
fn a_socket_answers_to_localhost_and_a_port_does_not() {
    let served = Served::start(|own| own);
    let by_socket = |host: &str| exchange(UnixStream::connect(&served.socket).unwrap(), host);
    let by_port = |host: &str| exchange(TcpStream::connect(served.address).unwrap(), host);
    let with_port = format!("localhost:{}", served.address.port());
    for (answer, code) in [
        (by_socket("localhost"), "401"),
        (by_socket(&with_port), "421"),
        (by_socket("evil.example"), "421"),
        (by_port("localhost"), "421"),
        (by_port(&with_port), "401"),
    ] {
        assert_eq!(answer.get(9..12), Some(code), "{answer}");
    }
    assert_eq!(served.attempts_left(), 1);
}
