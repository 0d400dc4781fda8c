//! One connection: HTTP/1.1 with keep-alive, cut off when it dawdles, when its place is needed
//! for another, or when the safe ends.

pub(crate) mod slots;
mod timeouts;

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use passsafe_core::wire::{Code, Problem};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::sleep_until;

use crate::connection::slots::{Farewell, Place};
use crate::connection::timeouts::Paced;
use crate::http;
use crate::http::hosts::AllowedHosts;
use crate::listen::Transport;
use crate::peer::{Callers, Peer};
use crate::safe::Safe;
use crate::safe::consent::Asker;
use crate::safe::events::Event;

/// Most bytes of a request's head. Real ones have a few hundred.
const MAX_HEAD: usize = 16 * 1024;
/// Most header lines of a request.
const MAX_HEADERS: usize = 64;

/// What all connections to a safe share.
pub(crate) struct Shared {
    pub(crate) safe: Arc<Safe>,
    pub(crate) hosts: AllowedHosts,
    pub(crate) callers: Callers,
}

/// One connection, apart from its stream.
pub(crate) struct Visit {
    /// By what it came in.
    pub(crate) transport: Transport,
    pub(crate) peer: Peer,
    pub(crate) place: Place,
}

/// Who makes the requests of a connection, and of whom.
pub(crate) struct Guest<'a> {
    pub(crate) peer: Peer,
    pub(crate) shared: &'a Shared,
    pub(crate) transport: Transport,
}

impl Guest<'_> {
    /// Who asks for what is about to be judged, if anybody wants to know.
    pub(crate) async fn asker(&self) -> &Asker {
        if let Some(known) = self.peer.asker() {
            return known;
        }
        let matters = || self.shared.safe.wants_askers();
        if matters() {
            self.shared.callers.asker(&self.peer, matters).await
        } else {
            self.peer.stranger()
        }
    }

    /// Tells the owner of a request that came from a web page or by a foreign name.
    pub(crate) async fn report_foreign(&self, problem: &Problem) {
        let reporter = self.shared.safe.reporter();
        if reporter.is_heard() {
            let caller = self.shared.callers.refused(&self.peer).await;
            reporter.report(|| match problem.code {
                Code::WrongHost => Event::RefusedHost { caller },
                _ => Event::RefusedPage { caller },
            });
        }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.shared.safe.hung_up(self.peer.connection());
    }
}

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// One side or the other had enough, and all answers are written.
    Over,
    /// The other side still owes a request, or the reading of an answer.
    CutOff,
}

/// Serves a connection until either side has enough. When the safe ends, the answer under way
/// is still written.
///
/// When its place is needed for another, what has arrived until then is still answered.
pub(crate) async fn serve<S>(stream: S, visit: Visit, shared: Arc<Shared>) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Visit { transport, peer, place: Place { pace, farewell } } = visit;
    let guest = Guest { peer, shared: &shared, transport };
    let had_its_turn = AtomicBool::new(false);
    let service = service_fn(async |request| {
        // One answer at a time: whoever asks a hundred things in a row waits for the others.
        if had_its_turn.swap(true, Ordering::Relaxed) {
            yield_now().await;
        }
        pace.answering();
        let mut answer = http::answer(&request, &guest).await;
        // Who waits for the owner may be known by the connection alone.
        if pace.is_old() && answer.status() != StatusCode::ACCEPTED {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(answer)
    });
    let mut builder = http1::Builder::new();
    // Half-closed, because simple clients end their side once they have asked.
    builder.half_close(true).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let stream = TokioIo::new(Paced::new(stream, pace.clone()));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut timer = pin!(sleep_until(pace.deadline()));
    let mut farewell = pin!(farewell);
    let mut drains = false;
    poll_fn(|context| {
        pace.turn();
        let before = pace.since();
        let mut is_evicted = false;
        if !drains && let Poll::Ready(told) = farewell.as_mut().poll(context) {
            // Untold, whoever kept the places is gone.
            is_evicted = told != Ok(Farewell::Drain);
            drains = !is_evicted;
        }
        if drains {
            connection.as_mut().graceful_shutdown();
        }
        had_its_turn.store(false, Ordering::Relaxed);
        // How it ended is the client's business: there is nobody to tell.
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(End::Over);
        }
        if is_evicted {
            let answered_just_now = pace.since() != before && !pace.is_answering();
            return Poll::Ready(if answered_just_now { End::Over } else { End::CutOff });
        }
        let deadline = pace.deadline();
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        // Each answer moves the deadline further away. The timer follows when it fires, which
        // is less work than to follow each time.
        while timer.as_mut().poll(context).is_ready() {
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
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{Instant, advance, sleep};

    use super::*;
    use crate::connection::slots::{Crowd, PLACES};
    use crate::connection::timeouts::{ANSWER_TIMEOUT, HEAD_TIMEOUT, LAST_ANSWER_AFTER};
    use crate::peer::Far;
    use crate::testing::safe;

    const STATUS: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: localhost:8051\r\n\r\n";
    const LARGE: usize = 64 * 1024;

    /// A client's end of a connection whose pipe holds `capacity` bytes, and the crowd that it
    /// is alone in.
    fn connect(capacity: usize) -> (DuplexStream, Crowd) {
        let mut crowd = Crowd::default();
        (join(&mut crowd, capacity), crowd)
    }

    /// The same, among others.
    fn join(crowd: &mut Crowd, capacity: usize) -> DuplexStream {
        let (client, server) = duplex(capacity);
        let callers = Callers::new(Arc::default());
        let peer = callers.meet(Far::Untold);
        let visit = Visit { transport: Transport::Port(8_051), peer, place: crowd.admit() };
        let safe = Arc::new(safe().0);
        let shared = Arc::new(Shared { safe, hosts: AllowedHosts::default(), callers });
        tokio::spawn(serve(server, visit, shared));
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
        let (mut client, mut crowd) = connect(LARGE);
        client.write_all(STATUS).await.unwrap();
        answer(&mut client).await;
        crowd.drain();
        let (bytes, took) = rest(&mut client).await;
        assert_eq!((bytes.len(), took), (0, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_connection_ends_at_once_and_the_others_stay() {
        let mut crowd = Crowd::default();
        let mut clients = Vec::new();
        for _ in 0..PLACES {
            clients.push(join(&mut crowd, LARGE));
            advance(Duration::from_millis(1)).await;
        }
        clients[0].write_all(&STATUS[..20]).await.unwrap();
        let _newcomer = join(&mut crowd, LARGE);
        let (bytes, took) = rest(&mut clients[0]).await;
        assert_eq!((bytes.len(), took), (0, Duration::ZERO));
        for client in &mut clients[1..] {
            client.write_all(STATUS).await.unwrap();
            assert!(answer(client).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_arrived_before_an_eviction_is_answered() {
        let mut crowd = Crowd::default();
        let mut client = join(&mut crowd, LARGE);
        client.write_all(STATUS).await.unwrap();
        crowd.evict();
        let (bytes, took) = rest(&mut client).await;
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_much_at_once_waits_for_the_others() {
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
