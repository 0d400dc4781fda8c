//! Connecting to a safe, and making sure first that it is the right account's.
//!
//! A port on localhost is anybody's to take: another account that listens where a safe is
//! expected would be handed a token. So before a byte is sent the system is asked who holds
//! the other end. Promises that nothing is ever sent to a listener of this machine whose
//! account is not trusted, wherever the system can tell.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream as StdTcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;

use passsafe_peer::{CAN_TELL, Owner, Peers};
#[cfg(unix)]
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::error::Kind;
use crate::trust::TrustedServer;
use crate::url::{BaseUrl, Host};

/// A connected socket of either kind. One that was just dialled does not wait.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(StdTcpStream),
    #[cfg(unix)]
    Unix(StdUnixStream),
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

impl Socket {
    /// For the runtime that this is called in.
    pub(crate) fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(stream) => Box::new(TcpStream::from_std(stream)?),
            #[cfg(unix)]
            Self::Unix(stream) => Box::new(UnixStream::from_std(stream)?),
        })
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            #[cfg(unix)]
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        either!(self, stream => stream.set_nonblocking(nonblocking))
    }

    pub(crate) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(self, stream => stream.set_read_timeout(Some(timeout)))
    }

    pub(crate) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(self, stream => stream.set_write_timeout(Some(timeout)))
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.read(buffer))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.write(bytes))
    }

    /// Writes no more.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        either!(self, stream => stream.shutdown(Shutdown::Write))
    }

    /// Looks at what there is to read, without waiting.
    #[cfg(unix)]
    fn peek(&self) -> io::Result<usize> {
        let now = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = either!(self, stream => recv(stream, &mut [0], now));
        Ok(peeked.map(|(length, _)| length)?)
    }

    /// The same.
    #[cfg(not(unix))]
    fn peek(&self) -> io::Result<usize> {
        let Self::Tcp(stream) = self;
        stream.peek(&mut [0])
    }
}

/// Either kind of stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A second handle of a socket, to ask the system about it past whoever reads it: the news of
/// a hang-up may be waiting to be read.
pub(crate) struct Probe {
    socket: Socket,
    /// Whether the socket waits when it is read.
    #[cfg_attr(unix, expect(dead_code, reason = "it can be asked not to, each time"))]
    waits: bool,
}

impl Probe {
    pub(crate) fn of(socket: &Socket, waits: bool) -> io::Result<Self> {
        Ok(Self { socket: socket.try_clone()?, waits })
    }

    /// Whether the other side is there and has nothing to say.
    pub(crate) fn is_quiet(&self) -> bool {
        #[cfg(not(unix))]
        if self.waits && self.socket.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = self.socket.peek();
        #[cfg(not(unix))]
        if self.waits && self.socket.set_nonblocking(false).is_err() {
            return false;
        }
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Connects to the safe at `url`, without a look-up where that is this machine.
pub(crate) async fn dial(url: &BaseUrl, trusted: TrustedServer) -> Result<Socket, Kind> {
    let port = url.port();
    let unreachable = |source| Kind::Unreachable { at: url.to_string(), source };
    let stream = match url.host() {
        #[cfg(unix)]
        Host::Socket(path) => return dial_socket(url, path, trusted).await,
        #[cfg(not(unix))]
        Host::Socket(_) => return Err(unreachable(io::ErrorKind::Unsupported.into())),
        Host::Localhost => dial_localhost(port).await,
        Host::Address(address) => TcpStream::connect((*address, port)).await,
        Host::Name(name) => TcpStream::connect((name.as_str(), port)).await,
    }
    .map_err(unreachable)?;
    let (near, far) = ends(&stream).map_err(unreachable)?;
    if CAN_TELL && trusted != TrustedServer::Anyone && far.ip().to_canonical().is_loopback() {
        check(url, trusted, Peers::new().server(near, far))?;
    }
    stream.into_std().map(Socket::Tcp).map_err(unreachable)
}

async fn dial_localhost(port: u16) -> io::Result<TcpStream> {
    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| refused)
        }
        connected => connected,
    }
}

/// The two addresses of a connection, which are never the same one: where nobody listens on a
/// port of the ephemeral range, the system may choose that very port as the source and
/// connect the socket to itself (RFC 9293, section 3.5).
fn ends(stream: &TcpStream) -> io::Result<(SocketAddr, SocketAddr)> {
    let (near, far) = (stream.local_addr()?, stream.peer_addr()?);
    if near == far { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok((near, far)) }
}

#[cfg(unix)]
async fn dial_socket(url: &BaseUrl, path: &str, trusted: TrustedServer) -> Result<Socket, Kind> {
    let unreachable = |source| Kind::Unreachable { at: url.to_string(), source };
    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
    let owner = stream.peer_cred().map_or(Owner::Unknown, |peer| Owner::Account(peer.uid()));
    check(url, trusted, owner)?;
    stream.into_std().map(Socket::Unix).map_err(unreachable)
}

fn check(url: &BaseUrl, trusted: TrustedServer, owner: Owner) -> Result<(), Kind> {
    let at = || url.to_string();
    match (trusted, owner) {
        (TrustedServer::Anyone, _) => Ok(()),
        (TrustedServer::Uid(wanted), Owner::Account(uid)) if uid == wanted => Ok(()),
        #[cfg(unix)]
        (TrustedServer::SameUser, Owner::Account(uid)) if uid == passsafe_peer::own_account() => {
            Ok(())
        }
        (_, Owner::Account(uid)) => Err(Kind::ForeignListener { at: at(), account: uid }),
        (_, Owner::Unknown) => Err(Kind::UnknownListener { at: at() }),
        (_, Owner::Gone) => {
            let source = io::Error::from(io::ErrorKind::ConnectionReset).into();
            Err(Kind::HungUp { at: at(), source })
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_known_is_trusted_only_with_everybody() {
        let url = BaseUrl::default();
        let passes = |trusted, owner| check(&url, trusted, owner).is_ok();
        let own = Owner::Account(passsafe_peer::own_account());
        let other = Owner::Account(4_711);
        assert!(passes(TrustedServer::SameUser, own) && !passes(TrustedServer::SameUser, other));
        // Whoever names an account means that one.
        assert!(
            passes(TrustedServer::Uid(4_711), other) && !passes(TrustedServer::Uid(4_711), own)
        );
        for owner in [Owner::Unknown, Owner::Gone] {
            assert!(
                !passes(TrustedServer::SameUser, owner)
                    && !passes(TrustedServer::Uid(4_711), owner)
            );
            assert!(passes(TrustedServer::Anyone, owner));
        }
    }
}
