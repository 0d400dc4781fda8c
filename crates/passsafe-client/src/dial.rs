//! Connecting to a safe, and making sure first that it is the right account's.
//!
//! A port on localhost is anybody's to take: another account that listens where a safe is
//! expected would be handed a token. So before a byte is sent the system is asked who holds
//! the other end. Promises that nothing is ever sent to a listener of this machine whose
//! account is not trusted, wherever the system can tell.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::os::unix::net::UnixStream as StdUnixStream;

use passsafe_peer::{CAN_TELL, Owner, Peers};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::error::Kind;
use crate::url::{BaseUrl, Host};

/// Which account may be behind a safe on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trusted {
    /// The one that this program acts as.
    Own,
    Account(u32),
    /// Whoever it is, known or not.
    Any,
}

/// Either kind of stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A second handle of a socket, to ask the system about it without a reactor, whose news of
/// a hang-up may be waiting to be read.
pub(crate) enum Probe {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(StdUnixStream),
}

impl Probe {
    /// Whether the other side is there and has nothing to say.
    pub(crate) fn is_quiet(&self) -> bool {
        let peeked = match self {
            Self::Tcp(stream) => stream.peek(&mut [0]),
            #[cfg(unix)]
            Self::Unix(stream) => {
                let peeked = rustix::net::recv(stream, &mut [0], rustix::net::RecvFlags::PEEK);
                peeked.map(|(length, _)| length).map_err(io::Error::from)
            }
        };
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Connects to the safe at `url`, without a look-up where that is this machine.
pub(crate) async fn dial(
    url: &BaseUrl,
    trusted: Trusted,
) -> Result<(Box<dyn Stream>, Probe), Kind> {
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
    if CAN_TELL && trusted != Trusted::Any && far.ip().to_canonical().is_loopback() {
        check(url, trusted, Peers::new().server(near, far))?;
    }
    let hold = |stream: TcpStream| -> io::Result<(Box<dyn Stream>, Probe)> {
        let stream = stream.into_std()?;
        let probe = Probe::Tcp(stream.try_clone()?);
        Ok((Box::new(TcpStream::from_std(stream)?), probe))
    };
    hold(stream).map_err(unreachable)
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
async fn dial_socket(
    url: &BaseUrl,
    path: &str,
    trusted: Trusted,
) -> Result<(Box<dyn Stream>, Probe), Kind> {
    let unreachable = |source| Kind::Unreachable { at: url.to_string(), source };
    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
    let owner = stream.peer_cred().map_or(Owner::Unknown, |peer| Owner::Account(peer.uid()));
    check(url, trusted, owner)?;
    let hold = |stream: UnixStream| -> io::Result<(Box<dyn Stream>, Probe)> {
        let stream = stream.into_std()?;
        let probe = Probe::Unix(stream.try_clone()?);
        Ok((Box::new(UnixStream::from_std(stream)?), probe))
    };
    hold(stream).map_err(unreachable)
}

fn check(url: &BaseUrl, trusted: Trusted, owner: Owner) -> Result<(), Kind> {
    let at = || url.to_string();
    match (trusted, owner) {
        (Trusted::Any, _) => Ok(()),
        (Trusted::Account(wanted), Owner::Account(uid)) if uid == wanted => Ok(()),
        #[cfg(unix)]
        (Trusted::Own, Owner::Account(uid)) if uid == passsafe_peer::own_account() => Ok(()),
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
        assert!(passes(Trusted::Own, own) && !passes(Trusted::Own, other));
        // Whoever names an account means that one.
        assert!(passes(Trusted::Account(4_711), other) && !passes(Trusted::Account(4_711), own));
        for owner in [Owner::Unknown, Owner::Gone] {
            assert!(!passes(Trusted::Own, owner) && !passes(Trusted::Account(4_711), owner));
            assert!(passes(Trusted::Any, owner));
        }
    }
}
