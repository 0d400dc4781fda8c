//! Waiting for the owner's consent: with a real safe and its owner, and with servers that keep
//! a client waiting. On a clock that jumps to the next timer where nothing else is left to do.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use passsafe_client::{Client, EntryName, ErrorKind};
use passsafe_core::{Deadline, Lifetime, Token};
use passsafe_peer::{Peers, Source};
use passsafe_server::{
    Admission, AllowedHosts, Clock as _, Decision, Questions, Safe, SystemClock, bind_localhost,
    run,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::records::{
    PASSPHRASE, TOKEN, answer, async_client, client, seal_as, sealed, wanting_proof, with_record,
};
use crate::rogue::{Reply, Rogue};

const AWAITING: &str = r#"{"code":"awaiting_consent","title":"x","status":202}"#;
const BUSY: &str = r#"{"code":"busy","title":"x","status":503}"#;

/// A safe in this runtime that asks before each release, and can tell nobody from anybody
/// else: what was asked on a connection is answered there alone.
fn safe() -> (Arc<Safe>, Questions, Client) {
    let clock = Arc::new(SystemClock);
    let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
    let sealed = seal_as(PASSPHRASE, 0, &[("password", b"S3kr!t")]);
    let safe = Safe::new(&sealed, Token::parse(TOKEN).unwrap(), deadline, clock);
    let (safe, questions) = safe.with_max_uses(NonZeroU32::new(3).unwrap()).with_consent();
    let safe = Arc::new(safe);
    let listeners = bind_localhost(0).unwrap();
    let port = listeners[0].local_addr().unwrap().port();
    let nothing = Peers::by(&[Source::Tables("/nowhere")]);
    let admission = Admission::default().with_any_user().with_peers(nothing);
    let server =
        run(listeners, safe.clone(), AllowedHosts::default(), admission, std::future::pending());
    tokio::spawn(server);
    (safe, questions, async_client(&format!("http://localhost:{port}")))
}

/// A server in this runtime that gives one answer to every proof. Told are the requests that
/// have one, each with the number of its connection.
async fn server(
    head: &'static str,
    body: &'static str,
) -> (String, mpsc::UnboundedReceiver<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let told = told.clone();
            tokio::spawn(async move {
                while let Some(request) = whole_head(&mut stream).await {
                    if !request.contains("passsafe-proof: ") {
                        let wanted = wanting_proof(&sealed("S3kr!t"));
                        stream.write_all(wanted.bytes()).await.unwrap();
                        continue;
                    }
                    told.send(connection).unwrap();
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {head}Content-Type: application/problem+json\r\nContent-Length: {length}\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, requests)
}

async fn whole_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

#[tokio::test(start_paused = true)]
async fn the_owner_says_yes_and_the_call_that_waited_goes_on() {
    let (_safe, mut questions, client) = safe();
    let owner = tokio::spawn(async move {
        for _ in 0..2 {
            questions.next().await.unwrap().answer(Decision::Yes);
        }
        questions.next().await.unwrap().answer(Decision::Always);
        questions
    });
    let start = Instant::now();
    assert_eq!(client.password().await.unwrap().expose(), "S3kr!t");
    assert_eq!(client.names().await.unwrap(), [EntryName::password()]);
    assert_eq!(client.secrets(&["password"]).await.unwrap().len(), 1);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    drop(owner.await.unwrap());
    assert_eq!(client.password().await.unwrap_err().kind(), ErrorKind::Spent);
}

#[tokio::test(start_paused = true)]
async fn the_owner_says_no() {
    let (safe, mut questions, client) = safe();
    let owner = tokio::spawn(async move {
        questions.next().await.unwrap().answer(Decision::No);
        questions
    });
    let error = client.password().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(error.to_string(), "the owner of the safe did not allow it");
    assert_eq!(safe.status().attempts_left, 3);
    drop(owner.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_owner_says_nothing() {
    let (safe, mut questions, client) = safe();
    let start = Instant::now();
    let error = client.password().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AwaitingConsent, "{error}");
    assert_eq!(error.to_string(), "the owner of the safe did not answer within a minute");
    assert_eq!(start.elapsed().as_secs(), 60);
    // It waits no longer, so there is nothing to answer any more.
    if let Ok(question) = tokio::time::timeout(Duration::from_secs(1), questions.next()).await {
        question.unwrap().withdrawn().await;
    }
    assert_eq!(safe.status().attempts_left, 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_withdraws_its_question() {
    let (_safe, mut questions, client) = safe();
    let mut question = {
        let waiting = client.password();
        tokio::select! {
            _ = waiting => unreachable!("nobody has answered"),
            question = questions.next() => question.unwrap(),
        }
    };
    question.withdrawn().await;
}

#[tokio::test(start_paused = true)]
async fn calls_at_the_same_time_wait_for_an_answer_each() {
    let (_safe, mut questions, client) = safe();
    let owner = tokio::spawn(async move {
        let (first, second) = (questions.next().await.unwrap(), questions.next().await.unwrap());
        second.answer(Decision::No);
        first.answer(Decision::Yes);
        questions
    });
    let (one, other) = tokio::join!(client.password(), client.password());
    assert_ne!(one.is_ok(), other.is_ok());
    assert_eq!(one.err().or(other.err()).unwrap().kind(), ErrorKind::Denied);
    drop(owner.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn closing_and_the_status_wait_for_nobody() {
    let (safe, _questions, client) = safe();
    assert_eq!(client.status().await.unwrap().attempts_left, 3);
    client.close_safe().await.unwrap();
    assert_eq!(safe.status().attempts_left, 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_a_client_waiting_is_given_up_after_a_minute() {
    for (head, body, requests) in [
        ("202 Accepted\r\nRetry-After: 1\r\n", AWAITING, 61),
        ("202 Accepted\r\n", AWAITING, 61),
        ("202 Accepted\r\nRetry-After: 0\r\n", AWAITING, 601),
        ("202 Accepted\r\nRetry-After: 18446744073709551615\r\n", AWAITING, 13),
        ("202 Accepted\r\nRetry-After: never\r\n", AWAITING, 61),
        ("503 Service Unavailable\r\nRetry-After: 3\r\n", BUSY, 21),
    ] {
        let (url, mut told) = server(head, body).await;
        let start = Instant::now();
        let error = async_client(&url).password().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AwaitingConsent, "{error}");
        assert_eq!(start.elapsed().as_secs(), 60, "{head}");
        let mut count = 0;
        while let Ok(connection) = told.try_recv() {
            assert_eq!(connection, 0, "all on one");
            count += 1;
        }
        // Timers go by milliseconds, which may add up to one request less.
        assert!((requests - 1..=requests).contains(&count), "{head}: {count}");
    }
}

fn later(status: &str, body: &str) -> Reply {
    answer(status, "Content-Type: application/problem+json\r\nRetry-After: 0\r\n", body)
        .after_proof(wanting_proof(&sealed("S3kr!t")))
}

#[test]
fn the_blocking_client_waits_as_well_and_each_answer_has_its_time() {
    let record = sealed("S3kr!t");
    let rogue = Rogue::start(move |number| match number {
        0 | 3 => later("202 Accepted", AWAITING),
        1 => later("503 Service Unavailable", BUSY),
        2 => with_record(&record, 1_450),
        _ => Reply::new("").then_fall_silent(),
    });
    let waits = Arc::new(AtomicUsize::new(0));
    let told = waits.clone();
    let client = client(&rogue.url())
        .with_timeout(Duration::from_millis(300))
        .with_waiting(move || _ = told.fetch_add(1, Ordering::SeqCst));
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    assert_eq!((rogue.accepts(), rogue.requests().len()), (1, 3));
    assert_eq!(waits.load(Ordering::SeqCst), 1);
    let error = client.password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!((rogue.accepts(), rogue.requests().len()), (1, 5));
}
