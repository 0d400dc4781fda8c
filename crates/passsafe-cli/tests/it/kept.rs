//! Asking a safe many times on one connection, without a client that could get in the way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::support::{Safe, port_of};

/// A kept connection to a safe.
pub(crate) struct Kept {
    stream: BufReader<TcpStream>,
    port: u16,
}

impl Kept {
    pub(crate) fn open(safe: &Safe) -> Self {
        Self::to(&safe.credentials.url)
    }

    pub(crate) fn to(url: &str) -> Self {
        let port = port_of(url);
        Self { stream: BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()), port }
    }

    /// Sends a fetch and reads no answer.
    pub(crate) fn send_fetch(&mut self, token: &str) {
        let port = self.port;
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\n\r\n"
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
    }

    pub(crate) fn send_no_more(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Status and body of the answer to a fetch.
    pub(crate) fn fetch(&mut self, token: &str) -> (u16, String) {
        self.send_fetch(token);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
    }

    /// All that comes after a fetch was sent, until the safe hangs up or resets.
    pub(crate) fn rest(mut self) -> String {
        let mut answer = Vec::new();
        // Only what came before it counts.
        let _reset = self.stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}
