//! The end of a served safe, under clocks that the test moves.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use passsafe_core::wire::State;
use passsafe_core::{Deadline, Lifetime, Moment, Token};
use passsafe_server::{Admission, AllowedHosts, Clock, Refusal, Safe, bind_localhost, run};
use tokio::time::{Instant, timeout};

use crate::support::{proof, seal};

struct ManualClock(Mutex<Moment>);

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}

fn safe() -> (Arc<Safe>, Arc<ManualClock>) {
    let start = Moment { boot: Duration::from_secs(10), wall: Duration::from_secs(1_000_000) };
    let clock = Arc::new(ManualClock(Mutex::new(start)));
    let deadline = Deadline::new(start, Lifetime::MIN);
    let token = Token::parse("936265").unwrap();
    (Arc::new(Safe::new(&seal("S3kr!t"), token, deadline, clock.clone())), clock)
}

/// Runs the safe's server, moves its clocks after ten seconds, and says in which state and
/// how much later the server ended.
async fn end_after(
    safe: Arc<Safe>,
    clock: Arc<ManualClock>,
    change: impl FnOnce(&mut Moment),
) -> (State, Duration) {
    let listeners = bind_localhost(0).unwrap();
    let mut server =
        Box::pin(run(listeners, safe, AllowedHosts::default(), Admission::default(), pending()));
    assert!(timeout(Duration::from_secs(10), &mut server).await.is_err(), "ended early");
    change(&mut clock.0.lock().unwrap());
    let start = Instant::now();
    (server.await.unwrap(), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn boot_time_past_the_deadline_ends_the_server_within_a_second() {
    let (safe, clock) = safe();
    let (state, took) = end_after(safe, clock, |now| now.boot += Duration::from_secs(60)).await;
    assert_eq!(state, State::Expired);
    assert!(took <= Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_past_the_deadline_ends_the_server_within_a_second() {
    let (safe, clock) = safe();
    let (state, took) = end_after(safe, clock, |now| now.wall += Duration::from_secs(60)).await;
    assert_eq!(state, State::Expired);
    assert!(took <= Duration::from_secs(1), "{took:?}");
}

/// Runs the safe's server until `work` is done.
async fn while_served<T>(safe: Arc<Safe>, work: impl Future<Output = T>) -> T {
    let listeners = bind_localhost(0).unwrap();
    let server = run(listeners, safe, AllowedHosts::default(), Admission::default(), pending());
    tokio::select! {
        _ = server => unreachable!("the server has ended"),
        done = work => done,
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_goes_on_for_as_long_as_its_safe_was_extended() {
    let (safe, clock) = safe();
    let change = |now: &mut Moment| now.boot += Duration::from_secs(50);
    while_served(safe.clone(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        change(&mut clock.0.lock().unwrap());
        assert_eq!(safe.extend(Duration::from_secs(60)), Ok(Duration::from_secs(70)));
        change(&mut clock.0.lock().unwrap());
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let (state, took) = end_after(safe, clock, change).await;
    assert_eq!(state, State::Expired);
    assert!(took <= Duration::from_secs(1), "{took:?}");
}

/// Nobody comes to ask after it, so the server itself has to notice.
#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_waits_for_is_withdrawn_within_a_second() {
    let (safe, clock) = safe();
    let safe = Arc::into_inner(safe).unwrap();
    let (safe, mut questions) = safe.with_consent();
    let right = Token::parse("936265").unwrap();
    assert_eq!(safe.fetch(&right, Some(&proof())).unwrap_err(), Refusal::AwaitingConsent);
    let mut question = questions.next().await.unwrap();
    while_served(Arc::new(safe), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!question.is_withdrawn());
        clock.0.lock().unwrap().boot += Duration::from_secs(5);
        assert!(timeout(Duration::from_secs(1), question.withdrawn()).await.is_ok());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_locked_safe_is_served_until_its_deadline() {
    let (safe, clock) = safe();
    let wrong = Token::parse("000000").unwrap();
    while safe.fetch(&wrong, Some(&proof())).is_err_and(|refusal| refusal != Refusal::Locked) {}
    let (state, took) = end_after(safe, clock, |now| now.boot += Duration::from_secs(60)).await;
    assert_eq!(state, State::Locked);
    assert!(took <= Duration::from_secs(1), "{took:?}");
}
