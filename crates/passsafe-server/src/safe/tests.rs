//! The state machine under a clock that the tests move.

mod consent;

use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use passsafe_core::Moment;
use proptest::prelude::*;

use super::*;
use crate::testing::{ManualClock, RIGHT, proof, record, safe, token, wrong_proof};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_right_token_gets_the_record_as_often_as_it_asks() {
    let (safe, _) = safe();
    for _ in 0..5 {
        let release = safe.fetch(&token(RIGHT), Some(proof())).unwrap();
        assert_eq!(release.record, record().to_json());
        assert_eq!(release.remaining, seconds(3_600));
    }
    assert_eq!(safe.status(), Status::new(State::Open, 3_600, 3, 10));
}

#[test]
fn third_wrong_token_locks_the_safe() {
    let (safe, _) = safe();
    assert_eq!(
        safe.fetch(&token(1), Some(proof())).unwrap_err(),
        Refusal::InvalidToken { attempts_left: 2 }
    );
    assert!(safe.fetch(&token(RIGHT), Some(proof())).is_ok());
    assert_eq!(safe.close(&token(2)).unwrap_err(), Refusal::InvalidToken { attempts_left: 1 });
    assert!(safe.fetch(&token(RIGHT), Some(proof())).is_ok(), "a success does not reset the count");
    assert_eq!(
        safe.fetch(&token(3), Some(proof())).unwrap_err(),
        Refusal::InvalidToken { attempts_left: 0 }
    );
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Locked);
    assert_eq!(safe.close(&token(RIGHT)).unwrap_err(), Refusal::Locked);
    assert_eq!(safe.status(), Status::new(State::Locked, 0, 0, 10));
}

#[test]
fn the_token_alone_gets_and_uses_up_nothing() {
    let (safe, _) = safe();
    let (safe, mut events) = safe.with_max_uses(NonZeroU32::MIN).with_events();
    let (safe, mut questions) = safe.with_consent();
    let parameters = record().parameters().clone();
    for _ in 0..20 {
        let refused = safe.fetch(&token(RIGHT), None).unwrap_err();
        assert_eq!(refused, Refusal::ProofRequired { parameters: parameters.clone() });
    }
    assert_eq!(safe.status(), Status::new(State::Open, 3_600, 3, 10));
    assert_eq!(events.try_next(), None);
    assert!(questions.try_next().is_none());
}

#[test]
fn nine_wrong_proofs_leave_the_only_use() {
    let (safe, _) = safe();
    let safe = safe.with_max_uses(NonZeroU32::MIN);
    for proofs_left in (1..10).rev() {
        let refused = safe.fetch(&token(RIGHT), Some(&wrong_proof())).unwrap_err();
        assert_eq!(refused, Refusal::WrongPassphrase { proofs_left });
    }
    assert_eq!(safe.status(), Status::new(State::Open, 3_600, 3, 1));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap().uses_left, Some(0));
}

#[test]
fn tenth_wrong_proof_locks_the_safe() {
    let (safe, mut events) = safe().0.with_events();
    for proofs_left in (0..10).rev() {
        let refused = safe.fetch(&token(RIGHT), Some(&wrong_proof())).unwrap_err();
        assert_eq!(refused, Refusal::WrongPassphrase { proofs_left });
        let told = super::Event::WrongPassphrase { caller: Caller::default(), proofs_left };
        assert_eq!(events.try_next(), Some(told));
    }
    assert_eq!(events.try_next(), Some(super::Event::Locked));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Locked);
    assert_eq!(safe.status(), Status::new(State::Locked, 0, 3, 0));
}

#[test]
fn a_proof_is_judged_after_the_token_only() {
    let (safe, _) = safe();
    for attempts_left in [2, 1, 0] {
        let refused = safe.fetch(&token(1), Some(&wrong_proof())).unwrap_err();
        assert_eq!(refused, Refusal::InvalidToken { attempts_left });
    }
    assert_eq!(safe.status(), Status::new(State::Locked, 0, 0, 10));
}

#[test]
fn exactly_one_of_a_million_tokens_is_accepted_at_any_instant() {
    for instant in [0, 1_800, 3_599] {
        let (probe, clock) = safe();
        clock.advance(seconds(instant));
        let mut accepted = Vec::new();
        for number in 0..1_000_000 {
            // Forgive, so that one safe can be asked a million times.
            probe.lock().attempts = Tries::new(MAX_ATTEMPTS);
            if probe.fetch(&token(number), Some(proof())).is_ok() {
                accepted.push(number);
            }
        }
        assert_eq!(accepted, [RIGHT]);
    }
}

#[test]
fn no_token_is_accepted_from_the_deadline_on() {
    let (probe, clock) = safe();
    clock.advance(seconds(3_600));
    assert!(
        (0..1_000_000)
            .all(|number| probe.fetch(&token(number), Some(proof())).unwrap_err()
                == Refusal::Expired)
    );
}

#[test]
fn wrong_tokens_in_parallel_are_judged_exactly_three_times() {
    const THREADS: usize = 16;
    let (safe, _) = safe();
    let start = Barrier::new(THREADS);
    let mut judged: Vec<u8> = thread::scope(|scope| {
        let guess = || {
            start.wait();
            (0..200)
                .filter_map(|number| match safe.fetch(&token(number), Some(proof())).unwrap_err() {
                    Refusal::InvalidToken { attempts_left } => Some(attempts_left),
                    refusal => {
                        assert_eq!(refusal, Refusal::Locked);
                        None
                    }
                })
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(guess)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    judged.sort_unstable();
    assert_eq!(judged, [0, 1, 2]);
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Locked);
}

/// Whatever the order: what was granted was granted before the lock, and nothing after it.
#[test]
fn right_and_wrong_tokens_in_parallel_end_in_a_lock() {
    const THREADS: usize = 8;
    for _ in 0..50 {
        let (safe, _) = safe();
        let start = Barrier::new(THREADS);
        let answers: Vec<Result<(), Refusal>> = thread::scope(|scope| {
            let ask = |number: u32| {
                let (safe, start) = (&safe, &start);
                scope.spawn(move || {
                    start.wait();
                    safe.fetch(&token(number), Some(proof())).map(drop)
                })
            };
            let threads: Vec<_> =
                (0..THREADS).map(|n| ask(if n < 4 { 1 } else { RIGHT })).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (wrong, right) = answers.split_at(4);
        let judged = wrong.iter().filter(|it| matches!(it, Err(Refusal::InvalidToken { .. })));
        assert_eq!(judged.count(), 3);
        assert!(right.iter().all(|it| matches!(it, Ok(()) | Err(Refusal::Locked))), "{right:?}");
        assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Locked);
    }
}

/// Judging and counting in two critical sections would pass the test above nearly always:
/// only the few instants in which the safe locks can tell. Here are many of them.
#[test]
fn a_wrong_token_is_counted_before_another_is_judged() {
    const THREADS: usize = 2;
    let guess = |safes: &[(Safe, AtomicUsize)]| {
        let judged = safes.iter().map(|(safe, here)| {
            here.fetch_add(1, Ordering::SeqCst);
            // Asleep they would not wake at the same time. Where there is no processor for
            // both, one has to make room for the other.
            for spins in 1_u32.. {
                if here.load(Ordering::SeqCst) == THREADS {
                    break;
                }
                if spins.is_multiple_of(1_000) {
                    thread::yield_now();
                }
                spin_loop();
            }
            let guesses =
                (0..3).map(|number| safe.fetch(&token(number), Some(proof())).unwrap_err());
            guesses.filter(|refusal| *refusal != Refusal::Locked).count()
        });
        judged.collect::<Vec<_>>()
    };
    let safes: Vec<_> = (0..20_000).map(|_| (safe().0, AtomicUsize::new(0))).collect();
    let mut judged = vec![0; safes.len()];
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| guess(&safes))).collect();
        for thread in threads {
            judged.iter_mut().zip(thread.join().unwrap()).for_each(|(sum, count)| *sum += count);
        }
    });
    assert_eq!(judged.iter().filter(|judged| **judged != 3).count(), 0);
}

#[test]
fn uses_in_parallel_are_granted_exactly_as_often_as_allowed() {
    const THREADS: usize = 16;
    let (safe, _) = safe();
    let safe = safe.with_max_uses(NonZeroU32::new(5).unwrap());
    let start = Barrier::new(THREADS);
    let granted: usize = thread::scope(|scope| {
        let fetch = || {
            start.wait();
            usize::from(safe.fetch(&token(RIGHT), Some(proof())).is_ok())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(fetch)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(granted, 5);
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Spent);
    assert_eq!(
        safe.fetch(&token(1), Some(proof())).unwrap_err(),
        Refusal::Spent,
        "nothing is counted any more"
    );
}

#[test]
fn a_clock_set_back_revives_nothing() {
    let (safe, clock) = safe();
    clock.advance(seconds(3_600));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
    clock.set(Moment { boot: Duration::ZERO, wall: Duration::ZERO });
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
    assert_eq!(safe.status(), Status::new(State::Expired, 0, 3, 10));
}

#[test]
fn a_wall_clock_set_back_gives_no_time() {
    let (safe, clock) = safe();
    clock.advance_boot(seconds(1_800));
    clock.set(Moment { wall: Duration::ZERO, ..clock.now() });
    assert_eq!(safe.status().expires_in_seconds, 1_800);
    clock.advance_boot(seconds(1_800));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
}

#[test]
fn a_wall_clock_set_forward_ends_the_safe() {
    let (safe, clock) = safe();
    clock.advance_wall(seconds(3_600));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
}

#[test]
fn boot_time_alone_past_the_deadline_ends_the_safe() {
    let (safe, clock) = safe();
    clock.advance_boot(seconds(3_600));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
}

#[test]
fn a_closed_safe_stays_closed() {
    let (safe, clock) = safe();
    safe.close(&token(RIGHT)).unwrap();
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Closed);
    clock.advance(seconds(7_200));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Closed);
    assert_eq!(safe.status(), Status::new(State::Closed, 0, 3, 10));
}

#[test]
fn a_locked_safe_stays_locked_past_its_deadline() {
    let (safe, clock) = safe();
    for number in 0..3 {
        safe.fetch(&token(number), Some(proof())).unwrap_err();
    }
    safe.close_by_user();
    clock.advance(seconds(3_600));
    assert_eq!(safe.remaining(), None);
    assert_eq!(safe.status().state, State::Locked);
}

/// Stands in for a record and tells whether anybody still holds it.
struct Held(Arc<[u8; 6]>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &*self.0
    }
}

#[test]
fn every_end_lets_go_of_record_and_token() {
    let ends: [fn(&Safe, &ManualClock); 4] = [
        |safe, _| safe.close_by_user(),
        |safe, clock| {
            clock.advance(seconds(3_600));
            drop(safe.status());
        },
        |safe, _| {
            (0..3).for_each(|number| assert!(safe.fetch(&token(number), Some(proof())).is_err()));
        },
        |safe, _| assert!(safe.fetch(&token(RIGHT), Some(proof())).is_ok()),
    ];
    for end in ends {
        let (safe, clock) = safe();
        let safe = safe.with_max_uses(NonZeroU32::MIN);
        let held = Arc::new(*b"record");
        safe.lock().contents.as_mut().unwrap().record = Bytes::from_owner(Held(held.clone()));
        assert_eq!(Arc::strong_count(&held), 2);
        end(&safe, &clock);
        assert!(safe.lock().contents.is_none());
        assert_eq!(Arc::strong_count(&held), 1, "the safe still holds the record");
    }
}

#[test]
fn a_panic_in_the_critical_section_locks_the_safe() {
    let (safe, _) = safe();
    let panicked = thread::scope(|scope| {
        let hold = || {
            let _inner = safe.inner.lock();
            panic!("on purpose");
        };
        scope.spawn(hold).join()
    });
    assert!(panicked.is_err());
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Locked);
    assert_eq!(safe.status(), Status::new(State::Locked, 0, 0, 0));
}

#[test]
fn followers_hear_of_the_end() {
    let (safe, _) = safe();
    let state = safe.subscribe();
    assert_eq!(*state.borrow(), State::Open);
    safe.close_by_user();
    assert_eq!(*state.borrow(), State::Closed);
}

#[test]
fn debug_shows_no_content() {
    let (safe, _) = safe();
    assert_eq!(format!("{safe:?}"), "Safe { state: Open, .. }");
    let release = safe.fetch(&token(RIGHT), Some(proof())).unwrap();
    assert_eq!(format!("{release:?}"), "Release { remaining: 3600s, .. }");
}

#[derive(Debug, Clone)]
enum Event {
    Right,
    Wrong(u32),
    Close(bool),
    Owner,
    Boot(u64),
    Wall(u64),
    WallBack(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Right),
        2 => (0..1_000_000_u32).prop_filter_map("right", |it| (it != RIGHT).then_some(Event::Wrong(it))),
        1 => any::<bool>().prop_map(Event::Close),
        1 => Just(Event::Owner),
        2 => (0_u64..2_000).prop_map(Event::Boot),
        2 => (0_u64..2_000).prop_map(Event::Wall),
        1 => (0_u64..2_000).prop_map(Event::WallBack),
    ]
}

/// What the safe should be: the promises once more, in the plainest words.
struct Promised {
    state: State,
    uses_left: u32,
    attempts_left: u8,
    /// Seconds since the start, by either clock.
    boot: u64,
    wall: i64,
}

impl Promised {
    fn after(&mut self, event: &Event) -> Result<(), Refusal> {
        match *event {
            Event::Boot(by) => self.boot += by,
            Event::Wall(by) => self.wall += i64::try_from(by).unwrap(),
            Event::WallBack(by) => self.wall -= i64::try_from(by).unwrap(),
            _ => {}
        }
        if self.state == State::Open && (self.boot >= 3_600 || self.wall >= 3_600) {
            self.state = State::Expired;
        }
        let over = match self.state {
            State::Locked => Err(Refusal::Locked),
            State::Spent => Err(Refusal::Spent),
            State::Expired => Err(Refusal::Expired),
            State::Closed => Err(Refusal::Closed),
            _ => Ok(()),
        };
        match event {
            Event::Right | Event::Wrong(_) | Event::Close(_) if over.is_err() => return over,
            Event::Right => {
                self.uses_left -= 1;
                if self.uses_left == 0 {
                    self.state = State::Spent;
                }
            }
            Event::Wrong(_) | Event::Close(false) => {
                self.attempts_left -= 1;
                if self.attempts_left == 0 {
                    self.state = State::Locked;
                }
                return Err(Refusal::InvalidToken { attempts_left: self.attempts_left });
            }
            Event::Close(true) | Event::Owner if over.is_ok() => self.state = State::Closed,
            _ => {}
        }
        Ok(())
    }
}

proptest! {
    /// Whatever happens: each token is answered as promised, so that three wrong ones are
    /// judged and a right one is refused by an end alone, and an end is final.
    #[test]
    fn no_sequence_of_events_breaks_the_promises(events in prop::collection::vec(event(), 1..40), uses in 1_u32..6) {
        let (safe, clock) = safe();
        let safe = safe.with_max_uses(NonZeroU32::new(uses).unwrap());
        let mut promised =
            Promised { state: State::Open, uses_left: uses, attempts_left: 3, boot: 0, wall: 0 };
        for event in events {
            let answer = match event {
                Event::Right => safe.fetch(&token(RIGHT), Some(proof())).map(|_| ()),
                Event::Wrong(number) => safe.fetch(&token(number), Some(proof())).map(|_| ()),
                Event::Close(true) => safe.close(&token(RIGHT)),
                Event::Close(false) => safe.close(&token(0)),
                Event::Owner => { safe.close_by_user(); Ok(()) }
                Event::Boot(by) => { clock.advance_boot(seconds(by)); Ok(()) }
                Event::Wall(by) => { clock.advance_wall(seconds(by)); Ok(()) }
                Event::WallBack(by) => { clock.set_wall_back(seconds(by)); Ok(()) }
            };
            prop_assert_eq!(answer, promised.after(&event), "{:?}", event);
            let status = safe.status();
            prop_assert_eq!(status.state, promised.state);
            prop_assert_eq!(status.attempts_left, promised.attempts_left);
            prop_assert_eq!(safe.lock().contents.is_some(), status.state == State::Open);
        }
    }
}
