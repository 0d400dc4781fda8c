//! Accepting connections, on either transport.

use std::io;
use std::task::{Context, Poll};

use passsafe_peer::CAN_TELL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

#[cfg(unix)]
use super::unix_stream::UnixSocketStream;
use crate::listen::{Listener, Transport};
use crate::peer::PeerAddress;

/// A listener on the runtime.
pub(crate) enum Acceptor {
    Tcp(TcpListener, Transport),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection of which nothing has been read.
pub(crate) enum Accepted {
    Tcp(TcpStream, Transport),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Either kind of stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Makes dropping it a reset, in place of an orderly close.
    fn reset_when_dropped(&self);
}

impl Stream for TcpStream {
    fn reset_when_dropped(&self) {
        let _best_effort = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Stream for UnixSocketStream {
    /// A Unix socket has no port that would stay busy.
    fn reset_when_dropped(&self) {}
}

impl Acceptor {
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let transport = Transport::Port(listener.local_addr()?.port());
                Ok(Self::Tcp(TcpListener::from_std(listener)?, transport))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(UnixListener::from_std(listener)?))
            }
        }
    }

    pub(crate) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener, transport) => {
                let transport = *transport;
                listener.poll_accept(context).map_ok(|(stream, _)| Accepted::Tcp(stream, transport))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                listener.poll_accept(context).map_ok(|(stream, _)| Accepted::Unix(stream))
            }
        }
    }
}

impl Accepted {
    /// The other end, as the stream tells it.
    pub(crate) fn peer_address(&self) -> PeerAddress {
        match self {
            Self::Tcp(..) if !CAN_TELL => PeerAddress::Unsupported,
            Self::Tcp(stream, _) => match (stream.local_addr(), stream.peer_addr()) {
                (Ok(near), Ok(far)) => PeerAddress::Tcp { near, far },
                // Reset in the queue.
                _ => PeerAddress::Gone,
            },
            #[cfg(unix)]
            Self::Unix(stream) => stream.peer_cred().map_or(PeerAddress::Unknown, |peer| {
                let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
                PeerAddress::Unix { account: peer.uid(), pid }
            }),
        }
    }

    /// Whether neither side has reset the connection. Half closed is connected: the other end
    /// keeps its address until this one is closed too.
    pub(crate) fn is_connected(&self) -> bool {
        match self {
            Self::Tcp(stream, _) => stream.peer_addr().is_ok(),
            #[cfg(unix)]
            Self::Unix(_) => true,
        }
    }

    /// To be read from.
    #[cfg_attr(
        not(unix),
        expect(clippy::unnecessary_wraps, reason = "a Unix socket may fail to be registered")
    )]
    pub(crate) fn into_stream(self) -> io::Result<(Box<dyn Stream>, Transport)> {
        Ok(match self {
            Self::Tcp(stream, transport) => {
                // An answer is one small write; waiting for more to send gains nothing.
                let _best_effort = stream.set_nodelay(true);
                (Box::new(stream), transport)
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                (Box::new(UnixSocketStream::new(stream.into_std()?.into())?), Transport::Socket)
            }
        })
    }
}
