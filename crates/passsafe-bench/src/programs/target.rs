//! Where a safe or a floor listens, and one request to it, written by hand.
//!
//! As little as it takes, over sockets that block: what a round trip costs at least.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port of this machine or a Unix socket, from a URL as safes print it.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Port(u16),
    Socket(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::Socket(path.into()));
        }
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        port.map(Self::Port).ok_or_else(|| format!("no address of a safe: {url}"))
    }
}

pub(crate) trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

impl Target {
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Port(port) => format!("localhost:{port}"),
            Self::Socket(_) => "localhost".to_owned(),
        }
    }

    pub(crate) fn connect(&self) -> anyhow::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Port(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Self::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        })
    }

    /// The bytes that fetch the record.
    pub(crate) fn request(&self, token: &str, proof: &str) -> Vec<u8> {
        format!(
            "POST /v1/secret HTTP/1.1\r\nhost: {}\r\npasssafe-token: {token}\r\n\
             passsafe-proof: {proof}\r\ncontent-length: 0\r\n\r\n",
            self.host()
        )
        .into_bytes()
    }
}

/// An answer as it stood on the wire.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    bytes: Vec<u8>,
    head: usize,
}

impl Answer {
    pub(crate) fn with_room() -> Self {
        Self { bytes: Vec::with_capacity(256 * 1024), head: 0 }
    }

    pub(crate) fn status(&self) -> &[u8] {
        self.bytes.get(9..12).unwrap_or_default()
    }

    /// Name and value of each header, in lower case as hyper writes the names.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let head = self.bytes.get(..self.head).and_then(|head| std::str::from_utf8(head).ok());
        head.unwrap_or_default().lines().skip(1).filter_map(|line| line.split_once(": "))
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// Sends a request and reads the whole answer into the room of the last one.
    pub(crate) fn exchange(
        &mut self,
        stream: &mut dyn Stream,
        request: &[u8],
    ) -> anyhow::Result<()> {
        stream.write_all(request)?;
        self.bytes.clear();
        let mut buffer = [0; 16 * 1024];
        loop {
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                bail!("hung up");
            }
            self.bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
            if let Some(end) = self.end()?
                && self.bytes.len() >= end
            {
                return Ok(());
            }
        }
    }

    /// Where the answer ends, once its head is whole.
    fn end(&mut self) -> anyhow::Result<Option<usize>> {
        let Some(blank) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        self.head = blank + 4;
        let length = self.headers().find(|(name, _)| *name == "content-length");
        let (_, length) = length.context("an answer without a length")?;
        Ok(Some(self.head + length.parse::<usize>()?))
    }
}
