//! A limited number of uses, over real connections: how many are answered, what is told, and
//! what a question sets aside.

use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::sync::Barrier;
use std::thread;

use passsafe_core::wire::State;
use passsafe_server::{Decision, Event, Safe};

use crate::consent::Owner;
use crate::served::{PROOF, RIGHT, Served, myself, open_safe};

fn with_uses(uses: u32) -> Safe {
    open_safe().with_max_uses(NonZeroU32::new(uses).unwrap())
}

#[test]
fn of_many_fetches_at_once_as_many_are_answered_as_there_are_uses() {
    const USES: u32 = 7;
    for _ in 0..20 {
        let mut served = Served::serve(with_uses(USES));
        let start = Barrier::new(8);
        let mut answers: Vec<u16> = thread::scope(|scope| {
            let fetch = || {
                let mut visitor = served.connect();
                start.wait();
                visitor.fetch().status
            };
            let threads: Vec<_> = (0..=USES).map(|_| scope.spawn(fetch)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        answers.sort_unstable();
        assert_eq!(answers, [200, 200, 200, 200, 200, 200, 200, 410]);
        assert_eq!(served.connect().fetch().code(), "spent");
        let mut expected: Vec<Event> = (0..USES)
            .rev()
            .map(|left| Event::Fetched { caller: myself(), uses_left: Some(left), times: 1 })
            .collect();
        expected.push(Event::Spent);
        assert_eq!(served.told(), expected);
    }
}

/// The safe cannot know whether an answer arrived, and has handed it out.
#[test]
fn an_answer_that_nobody_reads_is_a_use() {
    let mut served = Served::serve(with_uses(1));
    let mut stream = TcpStream::connect(served.address).unwrap();
    let host = served.host();
    write!(stream, "POST /v1/secret HTTP/1.1\r\nHost: {host}\r\nPasssafe-Token: {RIGHT}\r\nPasssafe-Proof: {PROOF}\r\n\r\n")
        .unwrap();
    let mut state = served.safe.subscribe();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(state.wait_for(|state| *state == State::Spent)).unwrap();
    drop(stream);
    assert_eq!(served.connect().fetch().code(), "spent");
    assert_eq!(served.told().len(), 2);
}

#[test]
fn a_question_sets_a_use_aside_and_only_a_yes_takes_it() {
    let (mut served, mut owner) = Owner::among_strangers(with_uses(2));
    let (mut first, mut second, mut third) = (served.connect(), served.connect(), served.connect());
    assert_eq!(first.fetch().code(), "awaiting_consent");
    assert_eq!(second.fetch().code(), "awaiting_consent");
    let waits = third.fetch();
    assert_eq!((waits.status, waits.code()), (503, "busy"), "none is left, and none is gone");
    assert_eq!(served.safe.status().state, State::Open);
    owner.says(Decision::No);
    assert_eq!(first.fetch().code(), "denied");
    // Its use is free again; so is that of somebody who leaves.
    owner.says(Decision::Yes);
    assert_eq!(second.fetch().status, 200);
    let left = |event: &Event| match event {
        Event::Fetched { uses_left, .. } => *uses_left,
        _ => None,
    };
    assert_eq!(served.told().iter().find_map(left), Some(1));
    assert_eq!(served.safe.status().state, State::Open);
}

#[test]
fn the_last_use_is_spent_when_it_is_collected() {
    let (mut served, mut owner) = Owner::of(with_uses(1));
    let mut visitor = served.connect();
    assert_eq!(visitor.fetch().code(), "awaiting_consent");
    owner.says(Decision::Yes);
    assert_eq!(served.safe.status().state, State::Open);
    assert_eq!(visitor.fetch().status, 200);
    assert_eq!(visitor.fetch().code(), "spent");
    let fetched = Event::Fetched { caller: myself(), uses_left: Some(0), times: 1 };
    assert_eq!(served.told(), [fetched, Event::Spent]);
}

/// Ten processes' worth of connections, half of them allowed, against three uses.
#[test]
fn no_more_are_released_than_there_are_uses_however_they_ask() {
    let (mut served, mut owner) = Owner::among_strangers(with_uses(3));
    thread::scope(|scope| {
        let ask = |_| {
            let served = &served;
            scope.spawn(move || {
                let mut visitor = served.connect();
                loop {
                    match visitor.fetch().status {
                        202 | 503 => thread::yield_now(),
                        status => return status,
                    }
                }
            })
        };
        let threads: Vec<_> = (0..10).map(ask).collect();
        for _ in 0..3 {
            owner.says(Decision::Yes);
        }
        let mut answers: Vec<u16> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        answers.sort_unstable();
        assert_eq!(answers, [200, 200, 200, 410, 410, 410, 410, 410, 410, 410]);
    });
    assert_eq!(served.told().len(), 4);
}
