//! Questions of real safes, in the model.

use std::sync::{Arc, Mutex, OnceLock};

use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Moment, Passphrase, Proof, RecordKey, Sealed,
    SealedRecord, Secret, Token, User, WorkMemory,
};
use passsafe_server::{Clock, Questions, Refusal, Safe};

use super::*;

/// A safe that asks, and a clock for it.
struct Asked {
    safe: Safe,
    questions: Questions,
    clock: Arc<Clocks>,
    proof: &'static Proof,
}

#[derive(Default)]
struct Clocks(Mutex<Duration>);

impl Clock for Clocks {
    fn now(&self) -> Moment {
        let now = *self.0.lock().unwrap();
        Moment { boot: now, wall: now }
    }
}

impl Asked {
    fn new() -> Self {
        static SEALED: OnceLock<(Sealed, RecordKey)> = OnceLock::new();
        let (sealed, key) = SEALED.get_or_init(seal);
        let clock = Arc::new(Clocks::default());
        let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
        let safe = Safe::new(sealed, token(), deadline, clock.clone());
        let (safe, questions) = safe.with_consent();
        Self { safe, questions, clock, proof: key.proof() }
    }

    /// A client asks, and waits for the answer.
    fn question(&mut self) -> Question {
        assert_eq!(self.refusal(), Some(Refusal::AwaitingConsent));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.questions.next()).unwrap()
    }

    fn refusal(&self) -> Option<Refusal> {
        self.safe.fetch(&token(), Some(self.proof)).err()
    }
}

fn token() -> Token {
    Token::from_integer(936_265).unwrap()
}

fn seal() -> (Sealed, RecordKey) {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    let entries = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))]).unwrap();
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let (zoom, ana) = (Passphrase::new("zoom").unwrap(), User::new("ana").unwrap());
    let mut memory = WorkMemory::for_cost(cost).unwrap();
    let sealed = SealedRecord::seal(&entries, &zoom, &ana, cost, &mut random, &mut memory).unwrap();
    let key = sealed.record.derive_key(&zoom, &ana, &mut memory).unwrap();
    (sealed, key)
}

const QUESTION: &str = "\x0715:22:07  an unknown process asks for the secrets\n";
const PROMPT: &str = "  Give it? y: yes, n: no, a: always to this connection (59 s)";

#[test]
fn a_question_is_answered_by_one_key() {
    for (key, then) in [(b'y', None), (b'A', None), (b'n', Some(Refusal::Denied))] {
        let (mut desk, mut asked) = (Desk::new(), Asked::new());
        desk.ask(asked.question());
        assert_eq!(desk.log(), QUESTION);
        assert!(desk.model.wants_keys(desk.snapshot));
        for other in *b"eqx \n" {
            assert_eq!(desk.press(other), None);
            assert_eq!(asked.refusal(), Some(Refusal::AwaitingConsent), "{other}");
        }
        desk.press(key);
        assert_eq!(asked.refusal(), then);
        assert_eq!(&desk.live()[..13], &LIVE[..13], "the time is back");
    }
}

#[test]
fn keys_count_only_half_a_second_after_the_last_one() {
    let (mut desk, mut asked) = (Desk::new(), Asked::new());
    desk.ask(asked.question());
    // The person is typing something else.
    for _ in 0..20 {
        desk.after(Duration::from_millis(310));
        desk.model.keys_came(b"y", desk.snapshot.now);
        desk.after(Duration::from_millis(60));
        assert_eq!(desk.live(), "", "no key is offered");
    }
    assert_eq!(asked.refusal(), Some(Refusal::AwaitingConsent));
    desk.after(Duration::from_millis(439));
    assert_eq!(desk.live(), "");
    desk.after(MILLISECOND);
    assert!(desk.live().starts_with("  Give it? y: yes"), "{}", desk.live());
    desk.press(b'y');
    assert_eq!(asked.refusal(), None);
}

#[test]
fn what_was_typed_ahead_is_thrown_away_when_a_question_begins_to_listen() {
    let (mut desk, mut asked) = (Desk::new(), Asked::new());
    desk.model.asked(asked.question(), desk.snapshot.now);
    assert!(!desk.model.begins_to_listen(desk.snapshot));
    desk.snapshot.now += Duration::from_millis(500);
    assert!(desk.model.begins_to_listen(desk.snapshot), "now");
    assert!(!desk.model.begins_to_listen(desk.snapshot), "and not again");
}

#[test]
fn a_pasted_text_is_no_answer() {
    let (mut desk, mut asked) = (Desk::new(), Asked::new());
    desk.ask(asked.question());
    desk.after(Duration::from_secs(1));
    assert_eq!(desk.live(), PROMPT);
    desk.model.keys_came(b"yes", desk.snapshot.now);
    desk.after(Duration::from_secs(1));
    for byte in b"y\ny\n" {
        desk.model.keys_came(&[*byte], desk.snapshot.now);
        desk.after(MILLISECOND);
    }
    desk.after(Duration::from_secs(1));
    assert_eq!(asked.refusal(), Some(Refusal::AwaitingConsent));
}

#[test]
fn questions_come_one_at_a_time() {
    let (mut desk, mut first, mut second) = (Desk::new(), Asked::new(), Asked::new());
    desk.ask(first.question());
    desk.ask(second.question());
    assert_eq!(desk.log(), QUESTION);
    desk.after(Duration::from_secs(1));
    assert_eq!(
        desk.live(),
        "  Give it? y: yes, n: no, a: always to this connection (59 s, 1 more waiting)"
    );
    desk.press(b'y');
    assert_eq!(first.refusal(), None);
    assert_eq!(second.refusal(), Some(Refusal::AwaitingConsent));
    desk.after(MILLISECOND);
    assert_eq!(desk.log(), "\x0715:22:10  an unknown process asks for the secrets\n");
    desk.press(b'n');
    assert_eq!(second.refusal(), Some(Refusal::Denied));
}

#[test]
fn the_seconds_are_counted_and_then_the_question_is_gone() {
    let (mut desk, mut asked) = (Desk::new(), Asked::new());
    desk.ask(asked.question());
    desk.after(Duration::from_secs(30));
    assert!(desk.live().ends_with("(30 s)"), "{}", desk.live());
    assert!(!desk.model.question().unwrap().is_withdrawn());
    for second in 1..60 {
        *asked.clock.0.lock().unwrap() = Duration::from_secs(second);
        assert_eq!(asked.refusal(), Some(Refusal::AwaitingConsent));
    }
    *asked.clock.0.lock().unwrap() = Question::TIMEOUT;
    assert_eq!(asked.refusal(), Some(Refusal::Denied), "no answer is no");
    assert!(desk.model.question().unwrap().is_withdrawn());
    desk.model.withdrawn(desk.snapshot);
    assert_eq!(&desk.live()[..13], &LIVE[..13]);
}

#[test]
fn a_question_that_was_withdrawn_in_the_queue_is_not_asked() {
    let (mut desk, mut first, mut second) = (Desk::new(), Asked::new(), Asked::new());
    desk.ask(first.question());
    desk.ask(second.question());
    drop(second);
    desk.after(Duration::from_secs(1));
    assert_eq!(desk.live(), PROMPT, "nobody else waits");
    desk.press(b'y');
    assert_eq!(desk.log(), QUESTION);
    assert_eq!(&desk.live()[..13], &LIVE[..13]);
}

#[test]
fn a_question_goes_to_the_terminal_where_the_log_goes_elsewhere() {
    let (mut desk, mut asked) =
        (Desk::with(DisplayOptions { show: Show::Nothing, ..ANA }, PLAIN, false), Asked::new());
    desk.ask(asked.question());
    desk.after(Duration::from_secs(1));
    assert_eq!((desk.log(), desk.model.take_aside()), (String::new(), QUESTION.to_owned()));
    assert_eq!(desk.live(), PROMPT);
    desk.model.withdrawn(desk.snapshot);
    assert_eq!(desk.model.take_aside(), "15:22:08  an unknown process waits no longer\n");
    assert_eq!(desk.live(), "");
}

#[test]
fn a_dumb_terminal_asks_in_lines_that_stay() {
    let (mut desk, mut asked) =
        (Desk::with(ANA, Style { moves: false, ..PLAIN }, true), Asked::new());
    desk.ask(asked.question());
    desk.after(Duration::from_secs(1));
    assert_eq!(
        desk.log(),
        format!("{QUESTION}  Give it? y: yes, n: no, a: always; no answer in 59 s means no\n")
    );
    desk.press(b'y');
    assert_eq!((asked.refusal(), desk.live()), (None, String::new()));
}

#[test]
fn in_the_background_nothing_lives_and_no_key_counts() {
    let (mut desk, mut asked) = (Desk::new(), Asked::new());
    desk.snapshot.in_foreground = false;
    assert_eq!(desk.live(), "");
    desk.ask(asked.question());
    desk.after(Duration::from_secs(10));
    assert_eq!(desk.live(), "");
    assert_eq!(
        desk.log(),
        QUESTION.replace("secrets\n", "secrets; answer in the foreground (fg)\n")
    );
    // Keys typed at the shell's prompt are not answers.
    desk.snapshot.in_foreground = true;
    desk.model.keys_came(b"y", desk.snapshot.now);
    desk.after(Duration::from_millis(499));
    assert_eq!(desk.log(), QUESTION.replace("\x0715:22:07", "15:22:17"), "once more");
    assert_eq!((desk.live(), asked.refusal()), (String::new(), Some(Refusal::AwaitingConsent)));
    desk.after(Duration::from_secs(1));
    desk.press(b'y');
    assert_eq!(asked.refusal(), None);
}
