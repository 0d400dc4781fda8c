//! A Unix socket that is registered for reading, and for writing only while it waits to write.
//!
//! The system reports a Unix socket as writable each time the other side has read something. A
//! server that is always registered for both is woken once for each request and once more,
//! for nothing, for each answer. Tokio's `UnixStream` is always registered for both, so the
//! socket is registered as the read end of a pipe: Tokio only waits on it and reads from it,
//! which a pipe and a socket do alike. Everything else is a call of the socket's own.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown, send, sendmsg, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe::{Receiver, Sender};

/// A client that has gone away is an error, and no signal. Apple has an option of the socket
/// for that, which Tokio sets.
#[cfg(not(target_vendor = "apple"))]
const FLAGS: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const FLAGS: SendFlags = SendFlags::empty();

pub(crate) struct UnixSocketStream {
    socket: Receiver,
    /// The same socket, registered for writing, while an answer does not fit.
    writable: Option<Sender>,
}

impl UnixSocketStream {
    /// Takes a non-blocking socket. Needs the runtime.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self { socket: Receiver::from_owned_fd_unchecked(socket)?, writable: None })
    }

    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        send: impl Fn(&Receiver) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let sent = match &self.writable {
                None => send(&self.socket),
                Some(writable) => {
                    ready!(writable.poll_write_ready(context))?;
                    writable.try_io(|| send(&self.socket))
                }
            };
            match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.writable.is_none() {
                        let socket = self.socket.as_fd().try_clone_to_owned()?;
                        self.writable = Some(Sender::from_owned_fd_unchecked(socket)?);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                sent => {
                    self.writable = None;
                    return Poll::Ready(sent);
                }
            }
        }
    }
}

impl AsyncRead for UnixSocketStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for UnixSocketStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(context, |socket| Ok(send(socket, bytes, FLAGS)?))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(context, |socket| {
            Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), FLAGS)?)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(shutdown(&self.socket, Shutdown::Write)?))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The server's end, and a client's that waits.
    fn pair() -> (UnixSocketStream, UnixStream) {
        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        (UnixSocketStream::new(server.into()).unwrap(), client)
    }

    #[tokio::test]
    async fn what_does_not_fit_is_written_when_there_is_room() {
        let (mut server, mut client) = pair();
        // More than any buffer of the system's.
        let sent: Vec<u8> = (0..4_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let reader = std::thread::spawn(move || {
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            received
        });
        for part in sent.chunks(1_500_000) {
            server.write_all(part).await.unwrap();
        }
        assert!(server.writable.is_none(), "registered for writing only while it waits to write");
        server.shutdown().await.unwrap();
        assert!(reader.join().unwrap() == sent);
    }

    #[tokio::test]
    async fn what_comes_is_read_in_its_order_and_to_its_end() {
        let (mut server, mut client) = pair();
        let mut buffer = [0; 4];
        for word in [b"ping", b"pong"] {
            let writer = client.try_clone().unwrap();
            std::thread::spawn(move || (&writer).write_all(word).unwrap());
            server.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, word);
        }
        client.write_all(b"the end").unwrap();
        drop(client);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"the end");
    }

    #[tokio::test]
    async fn who_hangs_up_is_noticed_while_nothing_is_read() {
        let (mut server, client) = pair();
        drop(client);
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 0);
        assert!(server.write_all(b"x").await.is_err());
    }
}
