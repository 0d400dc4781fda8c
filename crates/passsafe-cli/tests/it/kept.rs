//! Asking a safe many times on one connection, without a client that could get in the way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::Safe;

/// A kept connection to a safe.
pub(crate) struct Kept {
    stream: BufReader<TcpStream>,
    port: u16,
}

impl Kept {
    pub(crate) fn open(safe: &Safe) -> Self {
        let port = safe.credentials.url.rsplit(':').next().unwrap().parse().unwrap();
        Self { stream: BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()), port }
    }

    #[allow(dead_code, reason = "not every test binary does")]
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Status and body of the answer to a fetch.
    pub(crate) fn fetch(&mut self, token: &str) -> (u16, String) {
        let port = self.port;
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\n\r\n"
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
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
}
