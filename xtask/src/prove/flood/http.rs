//! As much HTTP/1.1 as it takes to ask a safe and to read its answers.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// As long as a client of passsafe waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// More than any answer has.
const MAX_BODY: usize = 256 * 1024;

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// A connection that may be kept.
pub(super) struct Connection {
    port: u16,
    stream: BufReader<TcpStream>,
}

/// The socket of a client, connected.
pub(super) fn connect(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)
}

/// A request for the record, of which there may be several in a row.
pub(super) fn fetch(port: u16, token: &str) -> String {
    format!("POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\n\r\n")
}

/// A question that needs no token.
pub(super) fn status(port: u16) -> String {
    format!("GET /v1/status HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")
}

impl Connection {
    pub(super) fn open(port: u16) -> anyhow::Result<Self> {
        let stream = connect(port).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { port, stream: BufReader::new(stream) })
    }

    pub(super) fn send(&mut self, requests: &str) -> anyhow::Result<()> {
        self.stream.get_mut().write_all(requests.as_bytes()).context("cannot send")
    }

    pub(super) fn receive(&mut self) -> anyhow::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.get(9..12).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("no answer: {status_line:?}"))?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse()?;
            }
        }
        if length > MAX_BODY {
            bail!("an answer of {length} bytes");
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut self.stream, &mut body).context("half an answer")?;
        Ok(Answer { status, body: String::from_utf8(body)? })
    }

    pub(super) fn fetch(&mut self, token: &str) -> anyhow::Result<Answer> {
        self.send(&fetch(self.port, token))?;
        self.receive()
    }

    /// Whether the other side has not hung up meanwhile, as clients ask before they send.
    pub(super) fn is_quiet(&self) -> bool {
        let stream = self.stream.get_ref();
        let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let quiet = peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).is_ok() && quiet
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("no answer")? == 0 {
            bail!("hung up");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Asks for the state of a safe on a new connection.
pub(super) fn ask_status(port: u16) -> anyhow::Result<serde_json::Value> {
    let mut connection = Connection::open(port)?;
    connection.send(&status(port))?;
    Ok(serde_json::from_str(&connection.receive()?.body)?)
}
