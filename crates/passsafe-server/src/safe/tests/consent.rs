//! The user's part under a clock that the tests move: questions, more time, and what is told.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use passsafe_core::Lifetime;
use passsafe_core::wire::State;

use super::super::{ExtendError, Refusal, Safe};
use crate::safe::caller::Caller;
use crate::safe::consent::{Asker, Decision, Identity, Question, Questions};
use crate::safe::events::{Event, Events};
use crate::testing::{ManualClock, RIGHT, proof, safe, token};

struct Asked {
    safe: Safe,
    clock: Arc<ManualClock>,
    questions: Questions,
    events: Events,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn asked() -> Asked {
    let (safe, clock) = safe();
    let (safe, events) = safe.with_events();
    let (safe, questions) = safe.with_consent();
    Asked { safe, clock, questions, events }
}

fn caller(account: u32) -> Caller {
    Caller { account: Some(account), ..Caller::default() }
}

fn process(pid: u32) -> Asker {
    Asker { caller: caller(1_000), identity: Identity::Process { pid, started: 7 } }
}

fn connection(number: u64) -> Asker {
    Asker { caller: caller(1_000), identity: Identity::Connection(number) }
}

impl Asked {
    fn ask(&self, asker: &Asker) -> Result<(), Refusal> {
        self.safe.fetch_as(asker, &token(RIGHT), Some(proof())).map(drop)
    }

    fn next(&mut self) -> Question {
        self.questions.try_next().unwrap()
    }

    fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_next()).collect()
    }

    /// As somebody who keeps asking.
    fn wait(&self, asker: &Asker, by: u64) {
        for _ in 0..by {
            assert_eq!(self.ask(asker), Err(Refusal::AwaitingConsent));
            self.clock.advance(seconds(1));
        }
    }
}

fn busy(seconds: u64) -> Result<(), Refusal> {
    Err(Refusal::Busy { retry_after: Duration::from_secs(seconds) })
}

#[test]
fn no_answer_within_a_minute_is_no() {
    let mut asked = asked();
    let ana = process(1);
    asked.wait(&ana, 1);
    let question = asked.next();
    asked.wait(&ana, Question::TIMEOUT.as_secs() - 1);
    assert!(!question.is_withdrawn());
    assert_eq!(asked.ask(&ana), Err(Refusal::Denied));
    assert!(question.is_withdrawn());
    assert_eq!(asked.told(), [Event::Unanswered { caller: caller(1_000) }]);
    question.answer(Decision::Always);
    assert_eq!(asked.ask(&ana), busy(3));
    asked.clock.advance(seconds(3));
    assert_eq!(asked.ask(&ana), Err(Refusal::AwaitingConsent));
}

#[test]
fn an_answer_in_the_last_second_counts() {
    let mut asked = asked();
    let ana = process(1);
    asked.wait(&ana, Question::TIMEOUT.as_secs());
    asked.next().answer(Decision::Yes);
    assert_eq!(asked.ask(&ana), Ok(()));
}

#[test]
fn whoever_does_not_ask_again_for_five_seconds_has_withdrawn() {
    for answered in [false, true] {
        let mut asked = asked();
        let ana = process(1);
        asked.wait(&ana, 4);
        let mut question = Some(asked.next());
        if answered {
            question.take().unwrap().answer(Decision::Yes);
        }
        asked.clock.advance(seconds(3));
        asked.safe.sweep();
        assert_eq!(asked.told(), []);
        asked.clock.advance(seconds(1));
        asked.safe.sweep();
        assert!(question.is_none_or(|question| question.is_withdrawn()));
        assert_eq!(asked.told(), [Event::Withdrawn { caller: caller(1_000) }]);
        // The yes was for what is withdrawn.
        assert_eq!(asked.ask(&ana), busy(3));
        asked.clock.advance(seconds(3));
        assert_eq!(asked.ask(&ana), Err(Refusal::AwaitingConsent));
    }
}

#[test]
fn a_refusal_is_told_once_and_not_for_ever() {
    let mut asked = asked();
    let ana = process(1);
    asked.wait(&ana, 1);
    asked.next().answer(Decision::No);
    asked.safe.sweep();
    assert_eq!(asked.told(), [Event::Denied { caller: caller(1_000) }]);
    asked.clock.advance(seconds(5));
    asked.safe.sweep();
    assert_eq!(asked.told(), []);
    asked.clock.advance(seconds(3));
    assert_eq!(asked.ask(&ana), Err(Refusal::AwaitingConsent));
}

#[test]
fn processes_pause_alone_and_strangers_of_an_account_together() {
    let mut asked = asked();
    for (refused, same, another) in
        [(process(1), process(1), process(2)), (connection(1), connection(2), process(3))]
    {
        asked.wait(&refused, 1);
        asked.next().answer(Decision::No);
        assert_eq!(asked.ask(&refused), Err(Refusal::Denied));
        assert_eq!(asked.ask(&same), busy(3));
        assert_eq!(asked.ask(&another), Err(Refusal::AwaitingConsent));
        asked.next().answer(Decision::Yes);
        assert_eq!(asked.ask(&another), Ok(()));
    }
    let elsewhere = Asker { caller: caller(1_001), ..connection(3) };
    assert_eq!(asked.ask(&elsewhere), Err(Refusal::AwaitingConsent));
}

#[test]
fn a_process_with_the_number_of_another_is_another() {
    let mut asked = asked();
    asked.wait(&process(1), 1);
    asked.next().answer(Decision::Always);
    assert_eq!(asked.ask(&process(1)), Ok(()));
    let later = Asker { caller: caller(1_000), identity: Identity::Process { pid: 1, started: 8 } };
    assert_eq!(asked.ask(&later), Err(Refusal::AwaitingConsent));
}

#[test]
fn always_ends_with_the_connection_that_it_was_said_of() {
    let mut asked = asked();
    asked.wait(&connection(1), 1);
    asked.next().answer(Decision::Always);
    assert_eq!(asked.ask(&connection(1)), Ok(()));
    asked.safe.connection_ended(1);
    assert_eq!(asked.ask(&connection(1)), Err(Refusal::AwaitingConsent));
    asked.safe.connection_ended(1);
    assert_eq!(asked.ask(&connection(1)), busy(3));
}

#[test]
fn the_deadline_passes_while_the_owner_thinks() {
    for answered in [false, true] {
        let mut asked = asked();
        let ana = process(1);
        asked.clock.advance(seconds(3_598));
        asked.wait(&ana, 1);
        let mut question = Some(asked.next());
        if answered {
            question.take().unwrap().answer(Decision::Yes);
        }
        asked.clock.advance(seconds(1));
        assert_eq!(asked.ask(&ana), Err(Refusal::Expired));
        assert!(question.is_none_or(|question| question.is_withdrawn()));
        assert_eq!(asked.told(), [Event::Expired]);
    }
}

#[test]
fn who_may_always_is_not_let_in_by_a_wrong_token_or_a_reserved_use() {
    let (safe, clock) = safe();
    let (safe, questions) = safe.with_max_uses(NonZeroU32::new(2).unwrap()).with_consent();
    let (safe, events) = safe.with_events();
    let mut asked = Asked { safe, clock, questions, events };
    asked.wait(&process(1), 1);
    asked.next().answer(Decision::Always);
    assert_eq!(asked.ask(&process(1)), Ok(()));
    let wrong = asked.safe.fetch_as(&process(1), &token(1), Some(proof())).unwrap_err();
    assert_eq!(wrong, Refusal::InvalidToken { attempts_left: 2 });
    asked.wait(&process(2), 1);
    assert_eq!(asked.ask(&process(1)), busy(1));
    asked.next().answer(Decision::No);
    assert_eq!(asked.ask(&process(1)), Ok(()), "given back as soon as it was answered");
    assert_eq!(asked.ask(&process(1)), Err(Refusal::Spent));
}

#[test]
fn an_extension_is_believed_at_once_and_on_both_clocks() {
    let (safe, clock) = safe();
    let (safe, mut events) = safe.with_events();
    clock.advance(seconds(3_000));
    assert_eq!(safe.extend(seconds(1_800)), Ok(seconds(2_400)));
    assert_eq!(events.try_next(), Some(Event::Extended { remaining: seconds(2_400) }));
    assert_eq!(safe.status().expires_in_seconds, 2_400);
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap().remaining, seconds(2_400));
    clock.advance_boot(seconds(2_399));
    assert!(safe.fetch(&token(RIGHT), Some(proof())).is_ok());
    clock.advance_wall(seconds(2_400));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
}

#[test]
fn no_safe_lives_longer_than_the_longest() {
    let (safe, clock) = safe();
    clock.advance(seconds(60));
    let all = Lifetime::MAX.duration().as_secs();
    assert_eq!(safe.extend(Duration::MAX), Ok(seconds(all - 60)));
    assert_eq!(safe.extend(seconds(60)), Err(ExtendError::Longest));
    assert_eq!(safe.extend(Duration::ZERO), Err(ExtendError::Longest));
    clock.advance(seconds(all - 61));
    assert!(safe.fetch(&token(RIGHT), Some(proof())).is_ok());
    clock.advance(seconds(1));
    assert_eq!(safe.fetch(&token(RIGHT), Some(proof())).unwrap_err(), Refusal::Expired);
}

#[test]
fn a_safe_that_is_over_is_not_extended() {
    type End = fn(&Safe, &ManualClock);
    let ends: [(End, State); 4] = [
        (|safe, _| safe.close_by_user(), State::Closed),
        (|_, clock| clock.advance(seconds(3_600)), State::Expired),
        (
            |safe, _| {
                drop((0..3).map(|_| safe.fetch(&token(1), Some(proof()))).collect::<Vec<_>>());
            },
            State::Locked,
        ),
        (|safe, _| drop(safe.fetch(&token(RIGHT), Some(proof()))), State::Spent),
    ];
    for (end, state) in ends {
        let (safe, clock) = safe();
        let safe = safe.with_max_uses(NonZeroU32::MIN);
        end(&safe, &clock);
        assert_eq!(safe.extend(seconds(60)), Err(ExtendError::Over));
        assert_eq!(safe.status().state, state);
    }
}

#[test]
fn ends_are_told_once_and_behind_what_led_to_them() {
    let (safe, _) = safe();
    let (safe, mut events) = safe.with_events();
    for _ in 0..4 {
        assert!(safe.fetch(&token(1), Some(proof())).is_err());
    }
    safe.close_by_user();
    let told: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    let wrong = |attempts_left| Event::InvalidToken { caller: Caller::default(), attempts_left };
    assert_eq!(told, [wrong(2), wrong(1), wrong(0), Event::Locked]);
}
