//! The driver for threads: blocking sockets, whose reads have a time limit.
//!
//! Promises that every exchange ends within its time, however fast or slowly something comes,
//! and that whoever waits asks its interrupt twenty times a second.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::clock;
use crate::error::{Error, Kind};
use crate::exchange::{Answer, Exchange, Fault, Request};
use crate::interrupt::{BEAT, Interrupt, ask, on_a_thread};
use crate::target::{Failure, Target, is_fresh};
use crate::transport::{READ_LEN, ends};
use crate::trust::{self, TrustedServer};
use crate::url::{BaseUrl, Host};

/// Shortest time that a socket is told to wait.
const SHORTEST_LIMIT: Duration = Duration::from_millis(1);

/// Until when a call may wait, and who may end it before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait<'a> {
    pub(crate) interrupt: Option<&'a Interrupt>,
    pub(crate) until: Instant,
}

impl Wait<'_> {
    fn left(&self) -> Option<Duration> {
        self.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

/// A connection to a safe.
pub(crate) struct Connection {
    socket: Socket,
    inbox: Box<[u8]>,
    /// How long a read waits at most, as the system was told.
    limit: Option<Duration>,
    /// When it was last used, by [`clock::now`].
    used: Duration,
}

enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same with either kind.
macro_rules! either {
    ($socket:expr, $stream:ident => $work:expr) => {
        match $socket {
            Socket::Tcp($stream) => $work,
            #[cfg(unix)]
            Socket::Unix($stream) => $work,
        }
    };
}

impl Connection {
    /// Connects, and makes sure whose listener it is.
    pub(crate) fn open(target: &Target, wait: Wait<'_>) -> Result<Self, Kind> {
        let (url, trusted) = (target.url().clone(), target.trusted);
        let until = wait.until;
        // Looking up a name and connecting cannot be interrupted, so another thread waits for
        // it, and ends by itself.
        let connecting = move || {
            let socket = connect(&url, until).map_err(|source| Kind::unreachable(&url, source))?;
            socket.check(&url, trusted).map(|()| socket)
        };
        let connected = on_a_thread(connecting, || match wait.left() {
            Some(_) => ask(wait.interrupt),
            None => Err(Kind::Timeout(target.timeout).into()),
        });
        let socket = match connected.map_err(Error::into_kind)? {
            Err(Kind::Unreachable { source, .. })
                if source.kind() == ErrorKind::TimedOut && wait.left().is_none() =>
            {
                return Err(Kind::Timeout(target.timeout));
            }
            socket => socket?,
        };
        // A request is smaller than any buffer of the system's, so a write waits for no one.
        // The system takes no limit of zero.
        let limit = target.timeout.max(SHORTEST_LIMIT);
        either!(&socket, stream => stream.set_write_timeout(Some(limit)))
            .map_err(|error| Kind::System(error.into()))?;
        Ok(Self { socket, inbox: vec![0; READ_LEN].into(), limit: None, used: clock::now() })
    }

    /// Whether another request may be sent on it.
    pub(crate) fn is_reusable(&self) -> bool {
        is_fresh(self.used, clock::now()) && self.is_quiet()
    }

    #[cfg(unix)]
    fn is_quiet(&self) -> bool {
        either!(&self.socket, stream => crate::transport::is_quiet(stream))
    }

    #[cfg(not(unix))]
    fn is_quiet(&self) -> bool {
        let Socket::Tcp(stream) = &self.socket;
        let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        stream.set_nonblocking(false).is_ok()
            && peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends one request and reads its whole answer. Worthless after an error.
    pub(crate) fn exchange(
        &mut self,
        request: &Request,
        wait: Wait<'_>,
    ) -> Result<Answer, Failure> {
        self.write(request.bytes())?;
        let mut exchange = Exchange::default();
        loop {
            match self.read(wait)? {
                None => ask(wait.interrupt).map_err(Failure::Interrupted)?,
                Some(Ok(0)) => return exchange.ended().map_err(Failure::Fault),
                Some(Ok(length)) => {
                    let read = self.inbox.get(..length).unwrap_or_default();
                    if let Some(answer) = exchange.received(read).map_err(Failure::Fault)? {
                        self.used = clock::now();
                        return Ok(answer);
                    }
                }
                Some(Err(_)) if exchange.has_begun() => {
                    return Err(Failure::Fault(Fault::BrokeOff));
                }
                Some(Err(error)) => return Err(Failure::Lost(error)),
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        let length = bytes.len();
        while !bytes.is_empty() {
            match either!(&mut self.socket, stream => stream.write(bytes)) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if bytes.len() == length => return Err(Failure::Unsent(error)),
                Err(error) => return Err(Failure::Lost(error)),
            }
        }
        Ok(())
    }

    /// Reads once. Nothing came if it is `None`; it is an error once the time is up.
    fn read(&mut self, wait: Wait<'_>) -> Result<Option<io::Result<usize>>, Failure> {
        let left = wait.left().ok_or(Failure::TimedOut)?;
        let limit = left.min(BEAT).max(SHORTEST_LIMIT);
        if self.limit != Some(limit) {
            either!(&self.socket, stream => stream.set_read_timeout(Some(limit)))
                .map_err(Failure::Lost)?;
            self.limit = Some(limit);
        }
        let inbox = &mut self.inbox;
        let read = either!(&mut self.socket, stream => stream.read(inbox));
        Ok(match read {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                None
            }
            read => Some(read),
        })
    }
}

impl Socket {
    fn check(&self, url: &BaseUrl, trusted: TrustedServer) -> Result<(), Kind> {
        match self {
            Self::Tcp(stream) => {
                let ends = stream.local_addr().and_then(|near| Ok((near, stream.peer_addr()?)));
                let (near, far) = ends.map_err(|source| Kind::unreachable(url, source))?;
                trust::check_port(url, trusted, near, far)
            }
            #[cfg(unix)]
            Self::Unix(stream) => trust::check_socket(url, trusted, stream),
        }
    }
}

/// Connects without a look-up where that is this machine, in no more than the time left.
fn connect(url: &BaseUrl, until: Instant) -> io::Result<Socket> {
    let port = url.port();
    let tcp = match url.host() {
        #[cfg(unix)]
        Host::Socket(path) => return connect_socket(path).map(Socket::Unix),
        #[cfg(not(unix))]
        Host::Socket(_) => return Err(ErrorKind::Unsupported.into()),
        Host::Localhost => match connect_to((Ipv4Addr::LOCALHOST, port).into(), until) {
            Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => {
                connect_to((Ipv6Addr::LOCALHOST, port).into(), until).map_err(|_| refused)
            }
            connected => connected,
        },
        Host::Address(address) => connect_to((*address, port).into(), until),
        Host::Name(name) => {
            let mut failed = ErrorKind::NotFound.into();
            for address in (name.as_str(), port).to_socket_addrs()? {
                match connect_to(address, until) {
                    Ok(stream) => return Ok(Socket::Tcp(stream)),
                    Err(error) => failed = error,
                }
            }
            Err(failed)
        }
    };
    tcp.map(Socket::Tcp)
}

fn connect_to(address: SocketAddr, until: Instant) -> io::Result<TcpStream> {
    let left = until.saturating_duration_since(Instant::now()).max(SHORTEST_LIMIT);
    let stream = TcpStream::connect_timeout(&address, left)?;
    ends(stream.local_addr()?, stream.peer_addr()?)?;
    Ok(stream)
}

/// Does not wait where the listener's queue is full, as connecting otherwise would for ever.
#[cfg(unix)]
fn connect_socket(path: &str) -> io::Result<UnixStream> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect};
    // No other thread may start a program that inherits it, where the system can prevent that.
    #[cfg(not(target_vendor = "apple"))]
    let stream = {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?
    };
    #[cfg(target_vendor = "apple")]
    let stream = {
        let stream = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::io::ioctl_fioclex(&stream)?;
        stream
    };
    let stream = UnixStream::from(stream);
    stream.set_nonblocking(true)?;
    connect(&stream, &SocketAddrUnix::new(path)?)?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}
