//! How long a connection may take over what it is doing.
//!
//! hyper's own header timeout also runs on idle kept connections, and it has none for
//! writing. So the connection's input and output are watched instead: every change of
//! phase happens inside a poll of the connection, which is therefore also the only place
//! that has to look at the deadline.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// For the head of a request, from its first byte (of a new connection: from the start).
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For writing an answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Between an answer and the next request.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a connection is doing, and until when it may.
#[derive(Clone)]
pub(crate) struct Pace(Arc<Mutex<(Phase, Instant)>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Answer,
    Idle,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((Phase::Head, Instant::now() + HEAD_TIMEOUT))))
    }

    /// A complete request is being answered.
    pub(crate) fn answering(&self) {
        self.set(Phase::Answer, ANSWER_TIMEOUT);
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.get().1
    }

    fn received(&self) {
        if self.get().0 == Phase::Idle {
            self.set(Phase::Head, HEAD_TIMEOUT);
        }
    }

    fn flushed(&self) {
        if self.get().0 == Phase::Answer {
            self.set(Phase::Idle, IDLE_TIMEOUT);
        }
    }

    fn get(&self) -> (Phase, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase, timeout: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (phase, Instant::now() + timeout);
    }
}

/// A stream that tells its [`Pace`] what happens on it.
pub(crate) struct Paced<S> {
    stream: S,
    pace: Pace,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pace.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the stream only when all it had to write is written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.pace.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
