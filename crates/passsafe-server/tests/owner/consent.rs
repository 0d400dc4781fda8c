//! Asking the owner before each release: what the clients are told meanwhile, whose an answer
//! is, and what ends a question.

use std::future::Future;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use passsafe_core::wire::State;
use passsafe_peer::{Peers, Source};
use passsafe_server::{Admission, Caller, Decision, Event, Question, Questions, Safe};
use rustix::process::geteuid;

use crate::callers::{BASH, Shell, caller};
use crate::served::{Answer, Served, Visitor, myself, open_safe};

/// The owner at the terminal.
pub(crate) struct Owner {
    questions: Questions,
    runtime: tokio::runtime::Runtime,
}

impl Owner {
    /// A safe that asks, and whoever is asked.
    pub(crate) fn of(safe: Safe) -> (Served, Self) {
        Self::with(safe, Admission::default())
    }

    /// One that can tell nobody from anybody else.
    pub(crate) fn among_strangers(safe: Safe) -> (Served, Self) {
        let nothing = Peers::by(&[Source::Tables("/nowhere")]);
        Self::with(safe, Admission::default().with_any_user().with_peers(nothing))
    }

    fn with(safe: Safe, admission: Admission) -> (Served, Self) {
        let (safe, questions) = safe.with_consent();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (Served::serve_with(safe, admission), Self { questions, runtime })
    }

    fn next(&mut self) -> Question {
        soon(&self.runtime, self.questions.next()).unwrap().unwrap()
    }

    pub(crate) fn says(&mut self, decision: Decision) {
        self.next().answer(decision);
    }

    /// Whether there is a question at this moment. A question is there before its answer.
    fn is_asked(&mut self) -> bool {
        let next = async { tokio::time::timeout(Duration::ZERO, self.questions.next()).await };
        matches!(self.runtime.block_on(next), Ok(Some(_)))
    }

    /// Whether there will ever be a question.
    fn is_asked_again(&mut self) -> bool {
        soon(&self.runtime, self.questions.next()).unwrap().is_some()
    }

    fn sees_withdrawn(&self, question: &mut Question) {
        soon(&self.runtime, question.withdrawn()).unwrap();
    }
}

/// Far more than anything here takes.
fn soon<T>(
    runtime: &tokio::runtime::Runtime,
    work: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), work).await })
}

fn awaits(answer: &Answer) -> bool {
    (answer.status, answer.code(), answer.retry_after.as_deref())
        == (202, "awaiting_consent", Some("1"))
}

#[test]
fn each_release_waits_for_a_yes_of_its_own() {
    let (mut served, mut owner) = Owner::of(open_safe());
    let mut visitor = served.connect();
    for _ in 0..2 {
        for _ in 0..3 {
            assert!(awaits(&visitor.fetch()));
        }
        let question = owner.next();
        assert_eq!(question.caller, myself());
        assert!(!owner.is_asked(), "asked once, however often the client asks");
        assert_eq!(served.told(), []);
        question.answer(Decision::Yes);
        assert_eq!(visitor.fetch().status, 200);
        assert_eq!(served.told(), [Event::Fetched { caller: myself(), uses_left: None, times: 1 }]);
    }
    assert!(awaits(&visitor.fetch()));
}

#[test]
fn a_no_is_told_and_counts_nothing() {
    let (mut served, mut owner) = Owner::of(open_safe());
    let mut visitor = served.connect();
    assert!(awaits(&visitor.fetch()));
    owner.says(Decision::No);
    let answer = visitor.fetch();
    assert_eq!((answer.status, answer.code()), (403, "denied"));
    assert_eq!(served.told(), [Event::Denied { caller: myself() }]);
    assert_eq!(served.safe.status().attempts_left, 3);
    assert_eq!(served.safe.status().state, State::Open);
    // Who nags has to pause.
    let answer = visitor.fetch();
    assert_eq!((answer.status, answer.code()), (503, "busy"));
    assert_eq!(answer.retry_after.as_deref(), Some("3"));
    assert!(!owner.is_asked());
}

#[test]
fn an_owner_who_is_gone_refuses() {
    let (served, mut owner) = Owner::of(open_safe());
    let mut visitor = served.connect();
    assert!(awaits(&visitor.fetch()));
    drop(owner.next());
    assert_eq!(visitor.fetch().code(), "denied");
    let (served, owner) = Owner::of(open_safe());
    drop(owner);
    assert_eq!(served.connect().fetch().code(), "denied");
}

#[test]
fn wrong_tokens_are_counted_and_nobody_is_asked() {
    let (mut served, mut owner) = Owner::of(open_safe());
    let mut visitor = served.connect();
    for left in ["2", "1", "0"] {
        let answer = visitor.guess();
        assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
        assert!(answer.body.contains(&format!("\"attempts_left\":{left}")));
    }
    assert_eq!(visitor.fetch().status, 423);
    assert!(!owner.is_asked());
    assert_eq!(served.told().len(), 4);
}

#[test]
fn a_process_collects_its_answer_on_another_connection_too() {
    let (served, mut owner) = Owner::of(open_safe());
    assert!(awaits(&served.connect().fetch()));
    owner.says(Decision::Yes);
    assert_eq!(served.connect_by_socket().fetch().status, 200);
    assert!(awaits(&served.connect().fetch()));
}

#[test]
fn no_process_collects_what_was_answered_to_another() {
    let (mut served, mut owner) = Owner::of(open_safe());
    let mut shell = Shell::start(Path::new(BASH), None);
    shell.connect(&served);
    assert!(shell.ask(&served).starts_with("HTTP/1.1 202 "));
    let question = owner.next();
    assert_eq!(question.caller, caller(geteuid().as_raw(), shell.pid(), "bash"));
    question.answer(Decision::Always);
    assert!(awaits(&served.connect().fetch()));
    let mine = owner.next();
    assert_eq!(mine.caller, myself());
    shell.fetch(&served);
    assert!(awaits(&served.connect().fetch()));
    mine.answer(Decision::No);
    assert_eq!(served.connect().fetch().code(), "denied");
    assert_eq!(served.told().len(), 2);
}

#[test]
fn always_is_for_the_process_wherever_it_connects() {
    let (served, mut owner) = Owner::of(open_safe());
    assert!(awaits(&served.connect().fetch()));
    owner.says(Decision::Always);
    for _ in 0..3 {
        assert_eq!(served.connect().fetch().status, 200);
        assert_eq!(served.connect_by_socket().fetch().status, 200);
    }
    assert!(!owner.is_asked());
    let mut shell = Shell::start(Path::new(BASH), None);
    shell.connect(&served);
    assert!(shell.ask(&served).starts_with("HTTP/1.1 202 "));
}

#[test]
fn always_is_for_the_connection_where_the_process_is_not_known() {
    let (served, mut owner) = Owner::among_strangers(open_safe());
    let mut known = served.connect();
    assert!(awaits(&known.fetch()));
    owner.says(Decision::Always);
    for _ in 0..3 {
        assert_eq!(known.fetch().status, 200);
    }
    assert!(awaits(&served.connect().fetch()));
}

#[test]
fn answers_out_of_order_reach_those_who_asked() {
    let (served, mut owner) = Owner::among_strangers(open_safe());
    let mut visitors: Vec<Visitor<TcpStream>> = (0..16).map(|_| served.connect()).collect();
    let mut questions = Vec::new();
    for visitor in &mut visitors {
        assert!(awaits(&visitor.fetch()));
        questions.push(Some(owner.next()));
    }
    assert_eq!(questions[7].as_ref().unwrap().caller, Caller::default());
    let more = served.connect().fetch();
    assert_eq!((more.status, more.code()), (503, "busy"));
    assert_eq!(more.retry_after.as_deref(), Some("1"));
    // 5 and 16 have no common divisor: each is answered once.
    for step in 0..16 {
        let number = (step * 5 + 3) % 16;
        let question = questions[number].take().unwrap();
        question.answer(if number % 3 == 0 { Decision::Yes } else { Decision::No });
    }
    for (number, visitor) in visitors.iter_mut().enumerate().rev() {
        let expected = if number % 3 == 0 { 200 } else { 403 };
        assert_eq!(visitor.fetch().status, expected, "{number}");
    }
}

#[test]
fn who_hangs_up_withdraws_the_question() {
    let (mut served, mut owner) = Owner::among_strangers(open_safe());
    let mut visitor = served.connect();
    assert!(awaits(&visitor.fetch()));
    let mut question = owner.next();
    assert!(!question.is_withdrawn());
    drop(visitor);
    owner.sees_withdrawn(&mut question);
    assert_eq!(served.told(), [Event::Withdrawn { caller: Caller::default() }]);
    question.answer(Decision::Always);
    let answer = served.connect().fetch();
    assert_eq!((answer.status, answer.code()), (503, "busy"), "who may be the same has to pause");
}

#[test]
fn a_lock_out_withdraws_the_question_and_a_yes_is_lost() {
    for answered in [false, true] {
        let (served, mut owner) = Owner::of(open_safe());
        let mut visitor = served.connect();
        assert!(awaits(&visitor.fetch()));
        let mut question = Some(owner.next());
        if answered {
            question.take().unwrap().answer(Decision::Yes);
        }
        for _ in 0..3 {
            assert_eq!(served.connect().guess().status, 401);
        }
        if let Some(mut question) = question {
            owner.sees_withdrawn(&mut question);
        }
        assert_eq!(visitor.fetch().status, 423);
    }
}

#[test]
fn a_closed_safe_withdraws_the_question_and_waits_for_nobody() {
    let (mut served, mut owner) = Owner::of(open_safe());
    let mut visitor = served.connect();
    assert!(awaits(&visitor.fetch()));
    let mut question = owner.next();
    let start = Instant::now();
    assert_eq!(served.stop(), Some(State::Closed));
    assert!(start.elapsed() < Duration::from_secs(5));
    owner.sees_withdrawn(&mut question);
    assert!(!owner.is_asked_again());
    assert_eq!(served.told(), [Event::Closed { caller: None }]);
}

/// However many connections come and go, whoever cannot be told apart asks one question in
/// three seconds.
#[test]
fn a_flood_of_right_tokens_does_not_flood_the_owner() {
    let (served, mut owner) = Owner::among_strangers(open_safe());
    let start = Instant::now();
    let mut asked = 0;
    for _ in 0..300 {
        let mut visitor = served.connect();
        let answer = visitor.fetch();
        if awaits(&answer) {
            let mut question = owner.next();
            asked += 1;
            drop(visitor);
            owner.sees_withdrawn(&mut question);
        } else {
            assert_eq!(answer.code(), "busy");
        }
    }
    let most = 1 + start.elapsed().as_secs() / 3;
    assert!((1..=most).contains(&asked), "{asked} of {most}");
}

#[test]
fn status_and_close_ask_nobody() {
    let (mut served, mut owner) = Owner::of(open_safe());
    let mut visitor = served.connect();
    assert_eq!(visitor.ask("GET /v1/status", "").status, 200);
    let token = format!("Passsafe-Token: {}\r\n", crate::served::RIGHT);
    assert_eq!(visitor.ask("POST /v1/close", &token).status, 204);
    assert!(!owner.is_asked_again());
    assert_eq!(served.told(), [Event::Closed { caller: Some(myself()) }]);
}
