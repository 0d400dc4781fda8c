//! Driving a call on the thread that makes it, where reading waits.
//!
//! What a call does is written as futures, for runtimes that wait for many sockets at once. A
//! blocking call has one. So it is polled until there is nothing left to do but to read, and
//! then the read itself waits: one system call, where a runtime makes two and keeps a timer.
//! The thread knows which of its calls is being driven, so clients may be shared and calls may
//! be made within calls.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::Socket;
use crate::error::Error;
use crate::interrupt::{BEAT, Interrupt};

/// For a request to leave: it is smaller than any buffer of the system's.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that are read at once.
const INBOX: usize = 16 * 1024;
/// By how much more than it should a read may wait, so that its limit need not be set anew
/// each time.
const SLACK: Duration = Duration::from_millis(100);

/// The call that is driven on a thread.
#[derive(Default)]
struct Turn {
    interrupt: Option<Interrupt>,
    /// When what it does has to be over.
    until: Option<Instant>,
    /// Whether the next read waits.
    may_wait: bool,
    waited: Option<Waited>,
    /// When it has something to do again, whatever comes.
    due: Option<Instant>,
}

impl Turn {
    /// How long the next read waits at most, if it waits: once.
    fn take_wait(&mut self) -> Option<Duration> {
        if !std::mem::take(&mut self.may_wait) {
            return None;
        }
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let beat = (self.interrupt.is_some() || left.is_none()).then_some(BEAT);
        // Zero would be for ever.
        left.into_iter().chain(beat).min().map(|wait| wait.max(Duration::from_millis(1)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    Read,
    InVain,
}

thread_local! {
    static TURN: RefCell<Turn> = RefCell::default();
}

fn turn<T>(change: impl FnOnce(&mut Turn) -> T) -> T {
    TURN.with_borrow_mut(change)
}

/// The call that was driven before, while another one is made within it.
struct Outer(Turn);

impl Outer {
    fn put_aside(interrupt: Option<&Interrupt>) -> Self {
        let inner = Turn { interrupt: interrupt.cloned(), ..Turn::default() };
        Self(TURN.replace(inner))
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        TURN.replace(std::mem::take(&mut self.0));
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Drives `work` to its end, where it is pinned: it is too large to be moved. Asks `interrupt`
/// while it waits.
pub(crate) fn block_on<T>(
    interrupt: Option<&Interrupt>,
    mut work: Pin<&mut impl Future<Output = Result<T, Error>>>,
) -> Result<T, Error> {
    let _outer = Outer::put_aside(interrupt);
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        if woken.0.swap(false, Ordering::Relaxed) {
            continue;
        }
        turn(|turn| (turn.may_wait, turn.waited, turn.due) = (true, None, None));
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        let (waited, due) = turn(|turn| {
            turn.may_wait = false;
            (turn.waited, turn.due)
        });
        if waited.is_none() {
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            thread::sleep(left.unwrap_or(BEAT).min(BEAT));
        }
        if waited != Some(Waited::Read)
            && let Some(interrupt) = interrupt
        {
            interrupt.ask()?;
        }
    }
}

/// Who asks the call that is driven here.
pub(crate) fn interrupt() -> Option<Interrupt> {
    turn(|turn| turn.interrupt.clone())
}

/// What comes of `work`, if it comes in time.
pub(crate) async fn within<T>(
    time: Duration,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let until = Instant::now() + time;
    poll_fn(|context| {
        turn(|turn| turn.until = Some(until));
        let polled = work.as_mut().poll(context).map(Some);
        let waited = turn(|turn| {
            turn.until = None;
            turn.waited.is_some()
        });
        match polled {
            // Also where something came: it may come for ever.
            Poll::Pending if waited && Instant::now() >= until => Poll::Ready(None),
            polled => polled,
        }
    })
    .await
}

/// Lets time pass.
pub(crate) async fn sleep_until(due: Instant) {
    poll_fn(|_| {
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        turn(|turn| turn.due = Some(due));
        Poll::Pending
    })
    .await;
}

/// A socket that waits when it is read, if it is its turn.
pub(crate) struct Parked {
    socket: Socket,
    inbox: Box<[u8]>,
    /// How long a read waits at most, as the system was told.
    limit: Option<Duration>,
}

impl Parked {
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(WRITE_TIMEOUT)?;
        Ok(Self { socket, inbox: vec![0; INBOX].into(), limit: None })
    }

    fn read(&mut self, wait: Duration, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
        if self.limit.is_none_or(|limit| limit < wait || limit > wait + SLACK) {
            self.socket.set_read_timeout(wait)?;
            self.limit = Some(wait);
        }
        let room = buffer.remaining().min(INBOX);
        let inbox = self.inbox.get_mut(..room).unwrap_or_default();
        let length = self.socket.read(inbox)?;
        buffer.put_slice(inbox.get(..length).unwrap_or_default());
        Ok(())
    }
}

impl AsyncRead for Parked {
    /// Nobody has to be woken: whoever drives this polls again.
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(wait) = turn(Turn::take_wait) else { return Poll::Pending };
        let read = self.get_mut().read(wait, buffer);
        let in_vain = read.as_ref().is_err_and(|error| {
            let kind = error.kind();
            matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
        });
        turn(|turn| turn.waited = Some(if in_vain { Waited::InVain } else { Waited::Read }));
        if in_vain { Poll::Pending } else { Poll::Ready(read) }
    }
}

impl AsyncWrite for Parked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// What was written is the system's.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.shutdown())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::pin::pin;

    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::error::ErrorKind;
    use crate::interrupt::tests::third_time;

    /// A socket that waits, and its other end.
    fn parked() -> (Parked, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Parked::new(Socket::Unix(near)).unwrap(), far)
    }

    async fn read(socket: &mut Parked) -> Result<u8, Error> {
        Ok(socket.read_u8().await.unwrap())
    }

    #[test]
    fn what_comes_is_read() {
        let (mut socket, mut far) = parked();
        let writer = thread::spawn(move || far.write_all(b"x").map(|()| far));
        assert_eq!(block_on(None, pin!(read(&mut socket))).unwrap(), b'x');
        writer.join().unwrap().unwrap();
    }

    #[test]
    fn nothing_ends_in_time() {
        let (mut socket, _far) = parked();
        let time = Duration::from_millis(20);
        let start = Instant::now();
        let waited = async { Ok(within(time, pin!(read(&mut socket))).await.is_none()) };
        assert!(block_on(None, pin!(waited)).unwrap());
        assert!(start.elapsed() >= time);
    }

    #[test]
    fn what_comes_for_ever_ends_in_time() {
        let (mut socket, mut far) = parked();
        let writer = thread::spawn(move || while far.write_all(&[0; 512]).is_ok() {});
        let all = async { while read(&mut socket).await.is_ok() {} };
        let time = Duration::from_millis(20);
        let waited = async { Ok(within(time, pin!(all)).await.is_none()) };
        assert!(block_on(None, pin!(waited)).unwrap());
        drop(socket);
        writer.join().unwrap();
    }

    #[test]
    fn a_read_and_a_rest_end_when_they_are_interrupted() {
        let (mut socket, _far) = parked();
        let waited = block_on(Some(&third_time()), pin!(read(&mut socket)));
        assert_eq!(waited.unwrap_err().kind(), ErrorKind::Interrupted);
        let rest = async {
            sleep_until(Instant::now() + Duration::from_secs(3_600)).await;
            Ok(())
        };
        assert!(
            block_on(Some(&third_time()), pin!(rest)).unwrap_err().kind() == ErrorKind::Interrupted
        );
    }

    #[test]
    fn a_call_may_be_made_within_a_call() {
        let (mut socket, mut far) = parked();
        far.write_all(b"x").unwrap();
        let outer = async {
            let rest = async {
                sleep_until(Instant::now() + Duration::from_millis(1)).await;
                Ok(())
            };
            block_on(None, pin!(rest))?;
            let in_time = within(Duration::from_secs(3_600), pin!(read(&mut socket))).await;
            in_time.unwrap()
        };
        assert_eq!(block_on(None, pin!(outer)).unwrap(), b'x');
    }
}
