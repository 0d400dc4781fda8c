//! Whose listener a client speaks to: its own account's, another's, one that it was told of.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use passsafe_client::blocking::Client;
use passsafe_client::{BaseUrl, Endpoint, ErrorKind, Token, TrustedServer};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use tokio::runtime::Builder;

use crate::records::{PROOF, client, sealed, wanting_proof, with_record, with_status};
use crate::rogue::Rogue;

/// `nobody`, which every system has.
const OTHER: u32 = 65_534;
const OTHER_TRUSTED: TrustedServer = TrustedServer::Uid(OTHER);

/// On Linux a thread can be of an account of its own.
fn become_other() {
    assert!(geteuid().is_root(), "a second account is needed: run the tests as root");
    let (uid, gid) = (Uid::from_raw(OTHER), Gid::from_raw(OTHER));
    set_thread_groups(&[]).unwrap();
    set_thread_res_gid(gid, gid, gid).unwrap();
    set_thread_res_uid(uid, uid, uid).unwrap();
}

/// Another account's program on a port or a socket, which keeps what it is sent.
struct Squatter {
    thread: JoinHandle<()>,
    received: std::sync::mpsc::Receiver<Vec<u8>>,
}

impl Squatter {
    fn on_port(ip: IpAddr) -> (Self, u16) {
        let (report, port) = channel();
        let squatter = Self::start(move |received| {
            let listener = TcpListener::bind((ip, 0)).unwrap();
            report.send(listener.local_addr().unwrap().port()).unwrap();
            for stream in listener.incoming() {
                keep(stream.unwrap(), received);
            }
        });
        (squatter, port.recv().unwrap())
    }

    fn on_socket(path: &Path) -> Self {
        let (report, ready) = channel();
        let path = path.to_owned();
        let squatter = Self::start(move |received| {
            let listener = UnixListener::bind(path).unwrap();
            report.send(()).unwrap();
            for stream in listener.incoming() {
                keep(stream.unwrap(), received);
            }
        });
        ready.recv().unwrap();
        squatter
    }

    fn start(listen: impl FnOnce(&Sender<Vec<u8>>) + Send + 'static) -> Self {
        let (report, received) = channel();
        let thread = thread::spawn(move || {
            become_other();
            listen(&report);
        });
        Self { thread, received }
    }

    /// What came over the next connection, until the client hung up.
    fn received(&self) -> Vec<u8> {
        self.received.recv().unwrap()
    }
}

/// An answer is not needed: whoever sends something sends it first.
fn keep(mut stream: impl Read, received: &Sender<Vec<u8>>) {
    let mut bytes = [0; 1_024];
    // Reset where the client was faster.
    let length = stream.read(&mut bytes).unwrap_or(0);
    // The test may have ended.
    let _nobody_reads = received.send(bytes[..length].to_vec());
}

/// Every request that a client makes, refused, and not a byte of it sent.
fn assert_refused(squatter: &Squatter, url: &str) {
    let client = client(url);
    for ask in [
        |client: &Client| client.password().map(drop),
        |client: &Client| client.status().map(drop),
        |client: &Client| client.close_safe(),
    ] {
        let error = ask(&client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForeignListener, "{error}");
        assert_eq!(error.listener_account(), Some(OTHER));
        assert_eq!(
            error.to_string(),
            format!("what listens at {url} belongs to another account (uid {OTHER})")
        );
        assert_eq!(squatter.received(), b"");
    }
    assert!(!squatter.thread.is_finished());
}

#[test]
fn a_squatter_on_the_port_is_sent_nothing() {
    for (bound, dialled) in [
        (IpAddr::from(Ipv4Addr::LOCALHOST), "127.0.0.1"),
        (Ipv4Addr::LOCALHOST.into(), "localhost"),
        (Ipv6Addr::LOCALHOST.into(), "[::1]"),
        (Ipv4Addr::UNSPECIFIED.into(), "localhost"),
        (Ipv6Addr::UNSPECIFIED.into(), "127.0.0.1"),
        (Ipv4Addr::from([127, 9, 8, 7]).into(), "127.9.8.7"),
    ] {
        let (squatter, port) = Squatter::on_port(bound);
        assert_refused(&squatter, &format!("http://{dialled}:{port}"));
    }
}

#[test]
fn a_squatter_in_the_place_of_the_socket_is_sent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let path = folder.path().join("safe.sock");
    let squatter = Squatter::on_socket(&path);
    assert_refused(&squatter, &format!("unix://{}", path.display()));
}

#[test]
fn an_account_is_trusted_where_it_is_named() {
    let (squatter, port) = Squatter::on_port(Ipv4Addr::LOCALHOST.into());
    let url = format!("http://localhost:{port}");
    for client in
        [OTHER_TRUSTED, TrustedServer::Anyone].map(|it| client(&url).with_trusted_server(it))
    {
        assert_eq!(client.password().unwrap_err().kind(), ErrorKind::HungUp);
        assert!(squatter.received().starts_with(b"POST /v1/secret HTTP/1.1\r\n"));
    }
    let error =
        client(&url).with_trusted_server(TrustedServer::Uid(OTHER - 1)).password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignListener, "{error}");
    assert_eq!(squatter.received(), b"");

    let endpoint =
        |url| Endpoint::new(BaseUrl::parse(url).unwrap()).with_trusted_server(OTHER_TRUSTED);
    let token = Token::parse("936265").unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    assert!(
        runtime.block_on(endpoint(&url).close_safe(&token)).unwrap_err().kind()
            == ErrorKind::HungUp
    );
    assert!(squatter.received().starts_with(b"POST /v1/close HTTP/1.1\r\n"));
}

/// Naming another account takes the trust from one's own.
#[test]
fn the_named_account_is_the_only_one() {
    let rogue = Rogue::start(|_| with_status());
    let error = client(&rogue.url()).with_trusted_server(OTHER_TRUSTED).password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignListener, "{error}");
    assert!(rogue.requests().is_empty());
}

/// A connection that was checked is kept, and its successor is checked again.
#[test]
fn a_squatter_that_comes_after_the_safe_is_sent_nothing() {
    let record = sealed("S3kr!t");
    let mut rogue = Rogue::start(move |_| with_record(&record, 1_450));
    let url = rogue.url();
    let client = client(&url);
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    rogue.stop();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let (report, received) = channel();
    let (ready, is_ready) = channel();
    thread::spawn(move || {
        become_other();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        ready.send(()).unwrap();
        keep(listener.accept().unwrap().0, &report);
    });
    is_ready.recv().unwrap();
    assert_eq!(client.password().unwrap_err().kind(), ErrorKind::ForeignListener);
    assert_eq!(received.recv().unwrap(), b"");
}

/// By a socket as by a port: the same requests, one connection.
#[test]
fn a_safe_is_reached_by_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("safe.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let record = sealed("S3kr!t");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let first = answer_with(&mut stream, wanting_proof(&record).bytes());
        let record = with_record(&record, 1_450);
        [first]
            .into_iter()
            .chain([(); 2].map(|()| answer_with(&mut stream, record.bytes())))
            .collect::<Vec<_>>()
    });
    let client = client(&format!("unix://{}", path.display()));
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    let head = "POST /v1/secret HTTP/1.1\r\nhost: localhost\r\npasssafe-token: 936265\r\n";
    let proven = format!("{head}passsafe-proof: {PROOF}\r\n\r\n");
    assert_eq!(server.join().unwrap(), [format!("{head}\r\n"), proven.clone(), proven]);
    // The server has hung up, and the socket that it left behind leads nowhere.
    assert_eq!(client.password().unwrap_err().kind(), ErrorKind::Unreachable);
}

fn answer_with(stream: &mut UnixStream, answer: &[u8]) -> String {
    use std::io::Write as _;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    stream.write_all(answer).unwrap();
    String::from_utf8(head).unwrap()
}
