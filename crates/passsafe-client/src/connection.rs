//! One HTTP/1.1 connection, driven by the requests that use it.
//!
//! hyper's connection is a future that somebody has to poll. Here each request polls it,
//! and between requests nobody does: no task of ours lives in other people's runtimes, and
//! a connection never outlives the interest in it. What a closed connection means, and
//! whether to open another, is the endpoint's to decide.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime;

use crate::clock;
use crate::dial::{Probe, Stream};
use crate::drive::Drive;
use crate::error::{Cause, Kind};
use crate::in_place::Parked;
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// Requests to a safe have no body.
pub(crate) type Request = hyper::Request<Empty<Bytes>>;

/// Longest body that is read, in bytes. A record has 192 KiB at most.
const MAX_BODY_LEN: usize = 256 * 1024;
/// Most bytes of an answer's head, and of what is read at once: between two looks at the clock
/// the runtime lets through 128 reads, and a flood of interim answers (1xx) should not take
/// seconds of them.
const MAX_HEAD_LEN: usize = 16 * 1024;
/// How long a connection may rest and be used again: the server hangs up after 30 s.
const MAX_IDLE: Duration = Duration::from_secs(20);

pub(crate) struct Connection {
    sender: Sender,
    /// `None` once it has ended. Dropping it then is what makes the sender notice.
    driver: Option<Driver<Box<dyn Stream>>>,
    probe: Probe,
    /// The runtime that watches the socket, if one does.
    runtime: Option<runtime::Id>,
    /// When it was last used, by [`clock::now`].
    used: Duration,
}

pub(crate) type Sender = http1::SendRequest<Empty<Bytes>>;
pub(crate) type Driver<S> = http1::Connection<TokioIo<S>, Empty<Bytes>>;

/// Why a request got no answer.
pub(crate) enum Failure {
    /// Not a byte of the request was written.
    Unsent(Box<Request>, Cause),
    /// It was written, at least in part, and may have been acted upon.
    HungUp(Cause),
    /// What came is not HTTP.
    NotHttp,
    /// More than [`MAX_BODY_LEN`] came.
    TooLong,
}

impl Connection {
    /// Connects, in no more than `time`.
    pub(crate) async fn open(
        url: &BaseUrl,
        trusted: TrustedServer,
        drive: &Drive,
        time: Duration,
    ) -> Result<Self, Kind> {
        let socket = drive.dial(url, trusted, time).await?;
        let runtime = drive.runtime();
        let take = || -> io::Result<(Box<dyn Stream>, Probe)> {
            let probe = Probe::of(&socket, runtime.is_none())?;
            let stream = match runtime {
                Some(_) => socket.into_stream()?,
                None => Box::new(Parked::new(socket)?),
            };
            Ok((stream, probe))
        };
        let (stream, probe) = take().map_err(|error| Kind::System(error.into()))?;
        let handshake = handshake(stream).await;
        let (sender, driver) = handshake.map_err(|error| Kind::System(error.into()))?;
        Ok(Self { sender, driver: Some(driver), probe, runtime, used: clock::now() })
    }

    /// Whether another request may be sent on it at `now`.
    pub(crate) fn is_reusable(&self, now: Duration, drive: &Drive) -> bool {
        self.runtime == drive.runtime()
            && now.saturating_sub(self.used) <= MAX_IDLE
            && self.is_quiet()
    }

    /// Whether the other side is there and has nothing to say.
    pub(crate) fn is_quiet(&self) -> bool {
        self.probe.is_quiet()
    }

    /// Sends one request and reads its whole answer. Worthless after an error, and after the
    /// returned future was dropped before its end.
    pub(crate) async fn exchange(&mut self, request: Request) -> Result<Response<Bytes>, Failure> {
        let answer = exchange(&mut self.sender, &mut self.driver, request).await?;
        self.used = clock::now();
        Ok(answer)
    }
}

/// Speaks HTTP on any stream.
pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> hyper::Result<(Sender, Driver<S>)> {
    http1::Builder::new().max_buf_size(MAX_HEAD_LEN).handshake(TokioIo::new(stream)).await
}

/// Sends one request on any stream and reads its whole answer.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    sender: &mut Sender,
    driver: &mut Option<Driver<S>>,
    request: Request,
) -> Result<Response<Bytes>, Failure> {
    drive(driver, async {
        if let Err(error) = sender.ready().await {
            return Err(Failure::Unsent(Box::new(request), error.into()));
        }
        let answer = sender.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message();
            let error = error.into_error();
            match unsent {
                Some(request) => Failure::Unsent(Box::new(request), error.into()),
                None => Failure::from(error),
            }
        })?;
        read_whole(answer).await
    })
    .await
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        let source = std::error::Error::source(&error);
        let io = source.and_then(|source| source.downcast_ref::<io::Error>());
        // Chunks that are none come as I/O errors of these kinds.
        let garbled = io.is_some_and(|io| {
            matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
        });
        if error.is_parse() || garbled { Self::NotHttp } else { Self::HungUp(error.into()) }
    }
}

/// Polls `work`, and the connection that it waits for, until `work` is done.
async fn drive<S: AsyncRead + AsyncWrite + Unpin, T>(
    driver: &mut Option<Driver<S>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        // How it ended is told to `work` by its sender.
        if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(cx).is_ready()) {
            *driver = None;
        }
        work.as_mut().poll(cx)
    })
    .await
}

async fn read_whole(answer: Response<Incoming>) -> Result<Response<Bytes>, Failure> {
    let (head, body) = answer.into_parts();
    let whole = Limited::new(body, MAX_BODY_LEN).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Failure::TooLong;
        }
        match error.downcast::<hyper::Error>() {
            Ok(error) => Failure::from(*error),
            Err(error) => Failure::HungUp(error),
        }
    })?;
    Ok(Response::from_parts(head, whole.to_bytes()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn runtime() -> runtime::Runtime {
        runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn connected(runtime: &runtime::Runtime) -> (Connection, std::net::TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = BaseUrl::parse(&format!("http://localhost:{port}")).unwrap();
        let open = Connection::open(&url, TrustedServer::SameUser, &Drive::Runtime, Duration::MAX);
        let connection = runtime.block_on(open).unwrap();
        (connection, listener.accept().unwrap().0)
    }

    #[test]
    fn a_connection_is_reused_for_twenty_seconds_on_its_own_runtime() {
        let first = runtime();
        let (connection, _server) = connected(&first);
        let at = |seconds| connection.used + Duration::from_secs(seconds);
        first.block_on(async {
            assert!(connection.is_reusable(at(0), &Drive::Runtime));
            assert!(connection.is_reusable(at(20), &Drive::Runtime));
            assert!(!connection.is_reusable(at(21), &Drive::Runtime));
        });
        let elsewhere = async { connection.is_reusable(at(0), &Drive::Runtime) };
        assert!(!runtime().block_on(elsewhere));
    }

    #[test]
    fn a_request_comes_back_where_the_server_spoke_first_or_hung_up() {
        let runtime = runtime();
        for (said, quiet) in [("SSH-2.0-OpenSSH_10.0\r\n", true), ("", false)] {
            let (mut connection, mut server) = connected(&runtime);
            server.write_all(said.as_bytes()).unwrap();
            let still_there = quiet.then_some(server);
            let ended = connection.driver.take().unwrap();
            assert!(runtime.block_on(ended).is_err());

            let answered = runtime.block_on(connection.exchange(Request::new(Empty::new())));
            assert!(matches!(answered, Err(Failure::Unsent(..))));
            assert_eq!(connection.is_quiet(), quiet);
            drop(still_there);
        }
    }
}
