//! Serving one connection: HTTP/1.1 with keep-alive, cut off at a timeout, when its slot is
//! needed for another connection, or when the safe ends.

mod request_line;
pub(crate) mod slots;
mod timeouts;

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::sleep_until;

use crate::connection::slots::{CloseReason, Slot};
use crate::connection::timeouts::TimeoutStream;
use crate::http;
use crate::http::context::Context;

/// Most bytes of a request's head. Real ones have a few hundred.
const MAX_HEAD: usize = 16 * 1024;
/// Most header lines of a request.
const MAX_HEADERS: usize = 64;

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Either side ended it, and all answers are written.
    Over,
    /// A request was incomplete, or an answer not read.
    CutOff,
}

/// Serves a connection until either side ends it. When the safe ends, the answer under way is
/// still written. When the slot is needed for another connection, a request that has arrived by
/// then is still answered.
pub(crate) async fn serve<S>(stream: S, context: Context, slot: Slot) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Slot { timeouts, close } = slot;
    let has_answered = AtomicBool::new(false);
    let service = service_fn(async |request| {
        // One answer in each poll: a hundred pipelined requests let other connections through.
        if has_answered.swap(true, Ordering::Relaxed) {
            yield_now().await;
        }
        timeouts.answering();
        let mut answer = http::answer(&request, &context).await;
        // The asker of a pending question may be identified by this connection alone.
        if timeouts.ends_with_answer() && answer.status() != StatusCode::ACCEPTED {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(answer)
    });
    let mut builder = http1::Builder::new();
    // Half-closed, because simple clients end their side once they have asked.
    builder.half_close(true).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let stream = TokioIo::new(TimeoutStream::new(stream, timeouts.clone()));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut timer = pin!(sleep_until(timeouts.deadline()));
    let mut close = pin!(close);
    let mut drains = false;
    poll_fn(|task| {
        timeouts.poll_started();
        let before = timeouts.last_activity();
        let mut is_evicted = false;
        if !drains && let Poll::Ready(reason) = close.as_mut().poll(task) {
            // Without a reason, the connection table was dropped.
            is_evicted = reason != Ok(CloseReason::Drain);
            drains = !is_evicted;
        }
        if drains {
            connection.as_mut().graceful_shutdown();
        }
        has_answered.store(false, Ordering::Relaxed);
        // An error ends the connection like anything else: it is reported nowhere.
        if connection.as_mut().poll(task).is_ready() {
            return Poll::Ready(End::Over);
        }
        if is_evicted {
            let answered_just_now = timeouts.last_activity() != before && !timeouts.is_answering();
            return Poll::Ready(if answered_just_now { End::Over } else { End::CutOff });
        }
        let deadline = timeouts.deadline();
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        // Each answer moves the deadline further away. The timer follows when it fires, which
        // is less work than to follow each time.
        while timer.as_mut().poll(task).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(End::CutOff);
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{Instant, advance, sleep};

    use super::*;
    use crate::connection::slots::{Connections, MAX_CONNECTIONS};
    use crate::connection::timeouts::{ANSWER_TIMEOUT, HEAD_TIMEOUT, LAST_ANSWER_AFTER};
    use crate::testing::safe;

    const STATUS: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: localhost:8051\r\n\r\n";
    const LARGE: usize = 64 * 1024;

    /// A client's end of the only connection, whose pipe holds `capacity` bytes.
    fn connect(capacity: usize) -> (DuplexStream, Connections) {
        let mut connections = Connections::default();
        (join(&mut connections, capacity), connections)
    }

    /// A client's end of one more connection.
    fn join(connections: &mut Connections, capacity: usize) -> DuplexStream {
        let (client, server) = duplex(capacity);
        let context = Context::without_peer(Arc::new(safe().0), 8_051);
        tokio::spawn(serve(server, context, connections.add()));
        client
    }

    /// Reads until the server hangs up, and says how long that took.
    async fn rest(client: &mut DuplexStream) -> (Vec<u8>, Duration) {
        let start = Instant::now();
        let mut bytes = Vec::new();
        let _hung_up_or_broken = client.read_to_end(&mut bytes).await;
        (bytes, start.elapsed())
    }

    async fn answer(client: &mut DuplexStream) -> String {
        let mut bytes = vec![0; 4_096];
        let count = client.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_has_five_seconds() {
        let (mut client, _crowd) = connect(LARGE);
        let (bytes, took) = rest(&mut client).await;
        assert_eq!((bytes.len(), took.as_secs()), (0, HEAD_TIMEOUT.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_head_has_five_seconds_in_all() {
        let (mut client, _crowd) = connect(LARGE);
        let start = Instant::now();
        for byte in STATUS {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        let (bytes, _) = rest(&mut client).await;
        assert!(bytes.is_empty());
        assert!(start.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(1), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_connection_may_idle_for_thirty_seconds() {
        let (mut client, _crowd) = connect(LARGE);
        for _ in 0..3 {
            client.write_all(STATUS).await.unwrap();
            assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 OK\r\n"));
            advance(Duration::from_secs(29)).await;
        }
        let (bytes, took) = rest(&mut client).await;
        assert_eq!((bytes.len(), took), (0, Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn after_idling_a_head_has_five_seconds_from_its_first_byte() {
        let (mut client, _crowd) = connect(LARGE);
        client.write_all(STATUS).await.unwrap();
        answer(&mut client).await;
        advance(Duration::from_secs(20)).await;
        client.write_all(&STATUS[..1]).await.unwrap();
        let (_, took) = rest(&mut client).await;
        assert_eq!(took.as_secs(), HEAD_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_is_given_up_after_five_seconds() {
        let (mut client, _crowd) = connect(64);
        client.write_all(STATUS).await.unwrap();
        let start = Instant::now();
        // Dropped by the server, the pipe refuses the bytes of another request.
        while client.write_all(STATUS).await.is_ok() {}
        assert_eq!(start.elapsed().as_secs(), ANSWER_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_connection_is_told_of_its_last_answer() {
        let (mut client, _crowd) = connect(LARGE);
        let start = Instant::now();
        while start.elapsed() < LAST_ANSWER_AFTER {
            client.write_all(STATUS).await.unwrap();
            assert!(!answer(&mut client).await.contains("\r\nconnection: close\r\n"));
            advance(Duration::from_secs(25)).await;
        }
        client.write_all(STATUS).await.unwrap();
        let (bytes, took) = rest(&mut client).await;
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\nconnection: close\r\n"), "{text}");
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn draining_ends_an_idle_connection_at_once() {
        let (mut client, mut connections) = connect(LARGE);
        client.write_all(STATUS).await.unwrap();
        answer(&mut client).await;
        connections.drain();
        let (bytes, took) = rest(&mut client).await;
        assert_eq!((bytes.len(), took), (0, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_connection_ends_at_once_and_the_others_stay() {
        let mut connections = Connections::default();
        let mut clients = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            clients.push(join(&mut connections, LARGE));
            advance(Duration::from_millis(1)).await;
        }
        clients[0].write_all(&STATUS[..20]).await.unwrap();
        let _new = join(&mut connections, LARGE);
        let (bytes, took) = rest(&mut clients[0]).await;
        assert_eq!((bytes.len(), took), (0, Duration::ZERO));
        for client in &mut clients[1..] {
            client.write_all(STATUS).await.unwrap();
            assert!(answer(client).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_arrived_before_an_eviction_is_answered() {
        let mut connections = Connections::default();
        let mut client = join(&mut connections, LARGE);
        client.write_all(STATUS).await.unwrap();
        connections.evict();
        let (bytes, took) = rest(&mut client).await;
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn pipelined_requests_let_other_connections_through() {
        let (mut greedy, _crowd) = connect(LARGE);
        let (mut modest, _crowd) = connect(LARGE);
        greedy.write_all(&STATUS.repeat(100)).await.unwrap();
        modest.write_all(STATUS).await.unwrap();
        answer(&mut modest).await;
        let answers = answer(&mut greedy).await.matches("HTTP/1.1 200 OK\r\n").count();
        assert!((1..=3).contains(&answers), "{answers}");
    }

    #[tokio::test(start_paused = true)]
    async fn heads_are_bounded() {
        for head in [
            format!("GET /{} HTTP/1.1\r\n", "x".repeat(MAX_HEAD)),
            format!(
                "GET /v1/status HTTP/1.1\r\nHost: localhost:8051\r\nX: {}\r\n\r\n",
                "x".repeat(MAX_HEAD)
            ),
            format!(
                "GET /v1/status HTTP/1.1\r\nHost: localhost:8051\r\n{}\r\n",
                "X: x\r\n".repeat(MAX_HEADERS)
            ),
        ] {
            let (mut client, _crowd) = connect(LARGE);
            client.write_all(head.as_bytes()).await.unwrap();
            let (bytes, took) = rest(&mut client).await;
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                text.starts_with("HTTP/1.1 414 ") || text.starts_with("HTTP/1.1 431 "),
                "{text}"
            );
            assert_eq!(took, Duration::ZERO);
        }
    }
}
