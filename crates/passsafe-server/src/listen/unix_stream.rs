//! A Unix socket that hears of what comes in, and of room for more only while it waits for that.
//!
//! The system tells whoever watches a Unix socket for writing each time the other side has read
//! something. A server that always watches for both is woken once for each request and once
//! more for each answer, and the second time for nothing.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

pub(crate) struct UnixSocketStream {
    stream: AsyncFd<UnixStream>,
    /// The same socket, watched for room: there while an answer does not fit.
    room: Option<AsyncFd<UnixStream>>,
}

impl UnixSocketStream {
    /// Takes a socket that does not wait. Needs the runtime.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { stream: watch(stream, Interest::READABLE)?, room: None })
    }

    fn poll_io(
        &mut self,
        context: &mut Context<'_>,
        mut write: impl FnMut(&UnixStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = match write(self.stream.get_ref()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                written => Some(written),
            };
            if let Some(written) = written {
                self.room = None;
                return Poll::Ready(written);
            }
            let room = if let Some(room) = &mut self.room {
                // Whatever was told before is what has just been found untrue.
                ready!(room.poll_write_ready(context))?.clear_ready();
                room
            } else {
                let again = self.stream.get_ref().try_clone()?;
                self.room.insert(watch(again, Interest::WRITABLE)?)
            };
            let _there_may_be = ready!(room.poll_write_ready(context))?;
        }
    }
}

#[expect(
    deprecated,
    reason = "what stands against it are types that may change their descriptor; this one cannot"
)]
fn watch(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(stream, interest)
}

impl AsyncRead for UnixSocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.stream.poll_read_ready(context))?;
            let unfilled = buffer.initialize_unfilled();
            let room = unfilled.len();
            match ready.get_inner().read(unfilled) {
                Ok(length) => {
                    // There was no more. If more has come since, that is news of its own.
                    if length > 0 && length < room {
                        ready.clear_ready();
                    }
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for UnixSocketStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(context, |mut stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(context, |mut stream| stream.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What was written is the system's.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The server's end, and a client's that waits.
    fn pair() -> (UnixSocketStream, UnixStream) {
        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        (UnixSocketStream::new(server).unwrap(), client)
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
        assert!(server.room.is_none(), "it is watched for room only while it waits for that");
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
