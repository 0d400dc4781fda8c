//! The driver for Tokio: sockets that are watched by the runtime of the call.
//!
//! Between calls nobody polls anything: no task of ours lives in other people's runtimes. Time
//! is bounded by whoever polls; a flood of input yields to the runtime's timers.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::runtime::{self, Handle};
use tokio::task::coop::consume_budget;

use crate::clock;
use crate::error::Kind;
use crate::exchange::{Answer, Exchange, Fault, Request};
use crate::target::{Failure, Target, is_fresh};
use crate::transport::{READ_LEN, ends};
use crate::trust;
use crate::url::Host;

/// A connection to a safe.
pub(crate) struct Connection {
    stream: Stream,
    inbox: Box<[u8]>,
    /// The runtime that watches the socket.
    runtime: runtime::Id,
    /// When it was last used, by [`clock::now`].
    used: Duration,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same with either kind.
macro_rules! either {
    ($stream:expr, $it:ident => $work:expr) => {
        match $stream {
            Stream::Tcp($it) => $work,
            #[cfg(unix)]
            Stream::Unix($it) => $work,
        }
    };
}

impl Connection {
    /// Connects, and makes sure whose listener it is.
    pub(crate) async fn open(target: &Target) -> Result<Self, Kind> {
        let stream = connect(target).await?;
        let runtime = Handle::current().id();
        Ok(Self { stream, inbox: vec![0; READ_LEN].into(), runtime, used: clock::now() })
    }

    /// Whether another request may be sent on it, in this runtime.
    pub(crate) fn is_reusable(&self) -> bool {
        self.runtime == Handle::current().id()
            && is_fresh(self.used, clock::now())
            && self.is_quiet()
    }

    #[cfg(unix)]
    fn is_quiet(&self) -> bool {
        either!(&self.stream, it => crate::transport::is_quiet(it))
    }

    #[cfg(not(unix))]
    fn is_quiet(&self) -> bool {
        let Stream::Tcp(stream) = &self.stream;
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut peeked = [0];
        stream.poll_peek(&mut context, &mut tokio::io::ReadBuf::new(&mut peeked)).is_pending()
    }

    /// Sends one request and reads its whole answer. Worthless after an error, and after the
    /// returned future was dropped before its end.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.write(request.bytes()).await?;
        let mut exchange = Exchange::default();
        loop {
            match self.read().await {
                Ok(0) => return exchange.ended().map_err(Failure::Fault),
                Ok(length) => {
                    let read = self.inbox.get(..length).unwrap_or_default();
                    if let Some(answer) = exchange.received(read).map_err(Failure::Fault)? {
                        self.used = clock::now();
                        return Ok(answer);
                    }
                }
                Err(_) if exchange.has_begun() => return Err(Failure::Fault(Fault::BrokeOff)),
                Err(error) => return Err(Failure::Lost(error)),
            }
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        let length = bytes.len();
        while !bytes.is_empty() {
            let written = match either!(&self.stream, it => it.try_write(bytes)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    either!(&self.stream, it => it.writable().await).map(|()| 0)
                }
                written => written,
            };
            match written {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if bytes.len() == length => return Err(Failure::Unsent(error)),
                Err(error) => return Err(Failure::Lost(error)),
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<usize> {
        loop {
            consume_budget().await;
            either!(&self.stream, it => it.readable().await)?;
            let inbox = &mut self.inbox;
            match either!(&self.stream, it => it.try_read(inbox)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// Connects without a look-up where that is this machine.
async fn connect(target: &Target) -> Result<Stream, Kind> {
    let (url, trusted) = (target.url(), target.trusted);
    let port = url.port();
    let unreachable = |source| Kind::unreachable(url, source);
    let stream = match url.host() {
        #[cfg(unix)]
        Host::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            trust::check_socket(url, trusted, &stream)?;
            return Ok(Stream::Unix(stream));
        }
        #[cfg(not(unix))]
        Host::Socket(_) => return Err(unreachable(ErrorKind::Unsupported.into())),
        Host::Localhost => match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => {
                TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| refused)
            }
            connected => connected,
        },
        Host::Address(address) => TcpStream::connect((*address, port)).await,
        Host::Name(name) => TcpStream::connect((name.as_str(), port)).await,
    }
    .map_err(unreachable)?;
    let addresses = stream.local_addr().and_then(|near| ends(near, stream.peer_addr()?));
    let (near, far) = addresses.map_err(unreachable)?;
    trust::check_port(url, trusted, near, far)?;
    Ok(Stream::Tcp(stream))
}
