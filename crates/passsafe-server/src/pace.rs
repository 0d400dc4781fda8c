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
/// After this long, the next answer is the connection's last and says so, which every
/// HTTP client knows how to take. With the timeouts above, no connection lives longer than
/// this and 40 seconds, and no client that is honest loses an answer to it.
pub(crate) const LAST_ANSWER_AFTER: Duration = Duration::from_secs(10 * 60);

/// What a connection is doing, and until when it may.
#[derive(Clone)]
pub(crate) struct Pace {
    born: Instant,
    stand: Arc<Mutex<Stand>>,
}

#[derive(Clone, Copy)]
struct Stand {
    phase: Phase,
    /// When the request came whose answer is under way; without one, when the last answer
    /// was written, or the connection made.
    since: Instant,
    deadline: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Answer,
    Idle,
}

impl Pace {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let stand = Stand { phase: Phase::Head, since: now, deadline: now + HEAD_TIMEOUT };
        Self { born: now, stand: Arc::new(Mutex::new(stand)) }
    }

    /// A complete request is being answered.
    pub(crate) fn answering(&self) {
        let now = Instant::now();
        self.change(|stand| {
            *stand = Stand { phase: Phase::Answer, since: now, deadline: now + ANSWER_TIMEOUT };
        });
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.get().deadline
    }

    /// Whether an answer is under way.
    pub(crate) fn is_answering(&self) -> bool {
        self.get().phase == Phase::Answer
    }

    /// Since when an answer is under way, or else nothing has been asked in full. The bytes
    /// of an incomplete request change nothing about it.
    pub(crate) fn since(&self) -> Instant {
        self.get().since
    }

    pub(crate) fn born(&self) -> Instant {
        self.born
    }

    /// Whether nothing has been asked in full yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.since() == self.born
    }

    /// Whether the answer under way is to be the last.
    pub(crate) fn is_old(&self) -> bool {
        self.since().saturating_duration_since(self.born) >= LAST_ANSWER_AFTER
    }

    /// Bytes of a request came.
    pub(crate) fn received(&self) {
        let now = Instant::now();
        self.change(|stand| {
            if stand.phase == Phase::Idle {
                *stand = Stand { phase: Phase::Head, deadline: now + HEAD_TIMEOUT, ..*stand };
            }
        });
    }

    /// All that there was to write is written.
    pub(crate) fn flushed(&self) {
        let now = Instant::now();
        self.change(|stand| {
            if stand.phase == Phase::Answer {
                *stand = Stand { phase: Phase::Idle, since: now, deadline: now + IDLE_TIMEOUT };
            }
        });
    }

    fn get(&self) -> Stand {
        *self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Stand)) {
        change(&mut self.stand.lock().unwrap_or_else(PoisonError::into_inner));
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
