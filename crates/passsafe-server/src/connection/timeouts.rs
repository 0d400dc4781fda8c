//! The timeouts of a connection: for a request's head, an answer, and idling.
//!
//! hyper's own header timeout also runs on idle kept connections, and it has none for
//! writing. So the connection's input and output are watched instead: every change of
//! phase happens inside a poll of the connection, which is therefore also the only place
//! that has to look at the deadline.

use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::request_line::RequestLine;

/// For the head of a request, from its first byte (of a new connection: from the start).
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For writing an answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Between an answer and the next request.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// After this long, the next answer is the connection's last and says so, which every
/// HTTP client knows how to take. With the timeouts above, no connection lives longer than
/// this and 40 seconds, and no honest client loses an answer to it.
pub(crate) const LAST_ANSWER_AFTER: Duration = Duration::from_secs(10 * 60);

/// The phase of a connection, and its deadline.
///
/// Only the connection's task changes it. The accept loop reads it at any moment, and copes
/// with a change between two reads. The clock is read once in each poll of the connection.
#[derive(Clone)]
pub(crate) struct Timeouts {
    opened: Instant,
    state: Arc<State>,
}

/// Times are nanoseconds since the connection was made.
#[derive(Default)]
struct State {
    /// When its current poll started.
    now: AtomicU64,
    phase: AtomicU8,
    since: AtomicU64,
    deadline: AtomicU64,
}

/// Phases: reading a head, writing an answer, idle.
const HEAD: u8 = 0;
const ANSWER: u8 = 1;
const IDLE: u8 = 2;

impl Timeouts {
    pub(crate) fn new() -> Self {
        let timeouts = Self { opened: Instant::now(), state: Arc::default() };
        timeouts.enter(HEAD, HEAD_TIMEOUT);
        timeouts
    }

    /// A poll of the connection starts.
    pub(crate) fn poll_started(&self) {
        let now = self.opened.elapsed();
        self.state.now.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// A complete request is being answered.
    pub(crate) fn answering(&self) {
        self.enter(ANSWER, ANSWER_TIMEOUT);
        self.state.since.store(self.state.now.load(Relaxed), Relaxed);
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.at(&self.state.deadline)
    }

    /// Whether an answer is under way.
    pub(crate) fn is_answering(&self) -> bool {
        self.state.phase.load(Relaxed) == ANSWER
    }

    /// Arrival of the request that is being answered, or else the end of the last answer, or
    /// of accepting. The bytes of an incomplete request change nothing.
    pub(crate) fn last_activity(&self) -> Instant {
        self.at(&self.state.since)
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// Whether no request was complete yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.state.since.load(Relaxed) == 0
    }

    /// Whether the answer under way is to be the last.
    pub(crate) fn ends_with_answer(&self) -> bool {
        Duration::from_nanos(self.state.since.load(Relaxed)) >= LAST_ANSWER_AFTER
    }

    /// Bytes of a request came.
    pub(crate) fn received(&self) {
        if self.state.phase.load(Relaxed) == IDLE {
            self.enter(HEAD, HEAD_TIMEOUT);
        }
    }

    /// All that there was to write is written.
    pub(crate) fn flushed(&self) {
        if self.is_answering() {
            self.enter(IDLE, IDLE_TIMEOUT);
            self.state.since.store(self.state.now.load(Relaxed), Relaxed);
        }
    }

    fn enter(&self, phase: u8, timeout: Duration) {
        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let deadline = self.state.now.load(Relaxed).saturating_add(timeout);
        self.state.deadline.store(deadline, Relaxed);
        self.state.phase.store(phase, Relaxed);
    }

    fn at(&self, time: &AtomicU64) -> Instant {
        self.opened + Duration::from_nanos(time.load(Relaxed))
    }
}

/// A stream that reports reads and writes to its [`Timeouts`].
pub(crate) struct TimeoutStream<S> {
    stream: S,
    timeouts: Timeouts,
    /// Bytes read since the last answer was written.
    received: usize,
    line: RequestLine,
    /// Bytes of answered requests, which lie where hyper reads next.
    stale: usize,
}

impl<S> TimeoutStream<S> {
    pub(crate) fn new(stream: S, timeouts: Timeouts) -> Self {
        Self { stream, timeouts, received: 0, line: RequestLine::default(), stale: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper reads into the buffer that the last request lay in, from its start. While the
        // connection waits for the next one, token and proof of the last shall not lie there.
        let stale = mem::take(&mut self.stale).min(buffer.remaining());
        buffer.initialize_unfilled_to(stale);
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            let read = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            self.line.refuse_fragments(read);
            self.received += buffer.filled().len() - before;
            self.timeouts.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
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
            self.timeouts.flushed();
            let received = mem::take(&mut self.received);
            self.stale = self.stale.max(received);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
