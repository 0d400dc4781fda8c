//! The real process under clocks that the tests move.

use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, waitpid};

use crate::clocks::{Clocks, LIFETIME, seconds_left};
use crate::kept::Kept;
use crate::support::{Safe, told};

#[track_caller]
fn assert_gone_within_a_second(safe: Safe, since: Instant) {
    let second = Duration::from_secs(1);
    let end = safe.end_within(second.saturating_sub(since.elapsed()));
    assert_eq!((end.status.code(), &*end.stdout), (Some(0), &b""[..]));
    assert_eq!(told(&end).last().unwrap()["event"], "expired");
}

#[test]
fn either_clock_past_the_deadline_ends_the_process_within_a_second() {
    // Asleep: boot time and wall clock go on and the monotonic clock stands still. Then each
    // clock on its own: a wall clock that was set back during the sleep, or set forward.
    for (boot, wall) in [(LIFETIME, LIFETIME), (LIFETIME, 0), (LIFETIME, -3_600), (0, LIFETIME)] {
        let (clocks, safe) = Clocks::with_safe();
        let start = Instant::now();
        clocks.move_to(boot, wall);
        assert_gone_within_a_second(safe, start);
    }
}

#[test]
fn a_wall_clock_set_back_gives_no_time() {
    let (clocks, safe) = Clocks::with_safe();
    for wall in [-60, -86_400, -1_000_000_000] {
        clocks.move_to(0, wall);
        assert!((200..=LIFETIME).contains(&seconds_left(&safe)), "{wall}");
    }
    clocks.move_to(LIFETIME - 60, -86_400);
    assert!((1..=60).contains(&seconds_left(&safe)));
    let start = Instant::now();
    clocks.move_to(LIFETIME, -86_400);
    assert_gone_within_a_second(safe, start);
}

#[test]
fn a_wall_clock_set_forward_takes_time_and_never_more_than_it_moved() {
    let (clocks, safe) = Clocks::with_safe();
    clocks.move_to(0, LIFETIME - 60);
    assert!((1..=60).contains(&seconds_left(&safe)));
    // Put right again, the deadline is where it was.
    clocks.move_to(0, 0);
    assert!((200..=LIFETIME).contains(&seconds_left(&safe)));
}

#[track_caller]
fn assert_refused(answer: &str) {
    assert!(
        answer.is_empty()
            || answer.starts_with("HTTP/1.1 410 ") && answer.contains(r#""code":"expired""#),
        "{answer}"
    );
}

#[test]
fn a_fetch_right_after_the_deadline_is_refused() {
    let (clocks, safe) = Clocks::with_safe();
    let mut kept = Kept::open(&safe);
    clocks.move_to(LIFETIME, LIFETIME);
    kept.send_fetch(&safe.credentials.token);
    let start = Instant::now();
    assert_refused(&kept.rest());
    assert_gone_within_a_second(safe, start);
}

/// A safe that is stopped, with a fetch waiting on a kept connection and another in the
/// backlog.
fn stopped(safe: &Safe) -> [Kept; 2] {
    let token = &safe.credentials.token;
    let mut kept = Kept::open(safe);
    assert_eq!(kept.fetch(token).0, 200);
    safe.signal(Signal::STOP);
    let (_, status) = waitpid(Some(safe.pid()), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped());
    let another = kept.another();
    let mut connections = [kept, another];
    for connection in &mut connections {
        connection.send_fetch(token);
        connection.send_no_more();
    }
    connections
}

#[test]
fn a_process_stopped_past_the_deadline_answers_nothing_when_it_wakes() {
    let (clocks, safe) = Clocks::with_safe();
    let connections = stopped(&safe);
    clocks.move_to(LIFETIME, LIFETIME);
    let start = Instant::now();
    safe.signal(Signal::CONT);
    for connection in connections {
        assert_refused(&connection.rest());
    }
    assert_gone_within_a_second(safe, start);
}

#[test]
fn a_process_stopped_for_a_while_answers_when_it_wakes() {
    let (clocks, safe) = Clocks::with_safe();
    let connections = stopped(&safe);
    clocks.move_to(LIFETIME - 60, LIFETIME - 60);
    safe.signal(Signal::CONT);
    for connection in connections {
        assert!(connection.rest().starts_with("HTTP/1.1 200 OK\r\n"));
    }
}
