use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::UNIX_EPOCH;

use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Moment, Passphrase, SealedRecord, Secret, Token,
    User, WorkMemory,
};
use passsafe_server::{Clock, Questions, Refusal, Safe};

use super::super::local::tests::utc;
use super::super::style::tests::PLAIN;
use super::super::who::tests::{caller, names};
use super::*;

const ANA: Manner = Manner { show: Show::Live, keys: true, confirm: true, max_uses: None };
const MILLISECOND: Duration = Duration::from_millis(1);

/// A person's terminal of 80 columns, and a safe with 27 of its 60 minutes left.
struct Desk {
    board: Board,
    glance: Glance,
}

impl Desk {
    fn new() -> Self {
        Self::with(ANA, PLAIN, true)
    }

    fn with(manner: Manner, style: Style, log_is_terminal: bool) -> Self {
        let hour = Duration::from_secs(3_600);
        let mut board = Board::new(manner, style, utc(), log_is_terminal, hour);
        board.names = names();
        let glance = Glance {
            now: Instant::now(),
            time: UNIX_EPOCH + Duration::from_secs(1_795_188_127),
            state: State::Open,
            remaining: Duration::from_secs(27 * 60),
            in_foreground: true,
            columns: 80,
        };
        Self { board, glance }
    }

    /// Time passes, and the loop goes round once. Says what was wished.
    fn after(&mut self, time: Duration) -> Option<Wish> {
        self.glance.now += time;
        self.glance.time += time;
        self.glance.remaining -= time;
        self.board.begins_to_listen(self.glance);
        let wish = self.board.wish(self.glance);
        self.board.tell_counts(self.glance);
        wish
    }

    /// A key that is pressed alone, until it is clear that it was.
    fn press(&mut self, key: u8) -> Option<Wish> {
        self.after(Duration::from_secs(1));
        self.board.keys_came(&[key], self.glance.now);
        self.after(Duration::from_secs(1))
    }

    fn ask(&mut self, asked: Question) {
        self.board.asked(asked, self.glance.now);
        self.after(MILLISECOND);
    }

    fn happened(&mut self, event: &Event) {
        self.board.happened(event, self.glance);
    }

    fn log(&mut self) -> String {
        self.board.take_log(self.glance.time)
    }

    fn live(&self) -> String {
        self.board.live(self.glance).unwrap_or_default()
    }
}

/// A safe that asks, and a clock for it.
struct Asked {
    safe: Safe,
    questions: Questions,
    clock: Arc<Clocks>,
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
        static RECORD: OnceLock<SealedRecord> = OnceLock::new();
        let clock = Arc::new(Clocks::default());
        let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
        let safe = Safe::new(RECORD.get_or_init(record), token(), deadline, clock.clone());
        let (safe, questions) = safe.with_consent();
        Self { safe, questions, clock }
    }

    /// Somebody asks, and waits for the answer.
    fn question(&mut self) -> Question {
        assert_eq!(self.refusal(), Some(Refusal::AwaitingConsent));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.questions.next()).unwrap()
    }

    fn refusal(&self) -> Option<Refusal> {
        self.safe.fetch(&token()).err()
    }
}

fn token() -> Token {
    Token::from_integer(936_265).unwrap()
}

fn record() -> SealedRecord {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    let entries = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))]).unwrap();
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let (zoom, ana) = (Passphrase::new("zoom").unwrap(), User::new("ana").unwrap());
    let mut memory = WorkMemory::for_cost(cost).unwrap();
    SealedRecord::seal(&entries, &zoom, &ana, cost, &mut random, &mut memory).unwrap()
}

const LIVE: &str =
    "  27 min left  ━━━━━━━━━━━━━━────────────────  e adds 15 minutes, Ctrl-C closes";
const QUESTION: &str = "\x0715:22:07  an unknown process asks for the secrets\n";
const PROMPT: &str = "  Give it? y: yes, n: no, a: always to this connection (59 s)";

#[test]
fn the_live_line_is_there_from_the_beginning() {
    let desk = Desk::new();
    assert_eq!(desk.live(), LIVE);
    for (show, log_is_terminal, style) in [
        (Show::Lines, true, PLAIN),
        (Show::Json, true, PLAIN),
        (Show::Nothing, true, PLAIN),
        (Show::Live, false, PLAIN),
        (Show::Live, true, Style { moves: false, ..PLAIN }),
    ] {
        let desk = Desk::with(Manner { show, ..ANA }, style, log_is_terminal);
        assert_eq!(desk.live(), "", "{show:?} {log_is_terminal} {style:?}");
        assert!(!desk.board.wants_keys(desk.glance));
    }
}

#[test]
fn events_join_the_log() {
    let mut desk = Desk::new();
    for event in [
        Event::Fetched { caller: caller("python3"), uses_left: None },
        Event::InvalidToken { caller: caller("psql"), attempts_left: 2 },
        Event::Closed { caller: Some(caller("passsafe")) },
    ] {
        desk.happened(&event);
    }
    desk.board.end(State::Closed, desk.glance);
    assert_eq!(
        desk.log(),
        "15:22:07  fetched by python3 (pid 4242) of ana\n\
         15:22:07  wrong token (1 of 3) from psql (pid 4242) of ana\n\
         15:22:07  closed by passsafe (pid 4242) of ana: the safe is gone\n\
         15:22:07  fetched once, by python3 of ana; 1 wrong token\n"
    );
}

#[test]
fn the_log_is_json_or_nothing_where_that_was_asked_for() {
    let fetched = Event::Fetched { caller: caller("python3"), uses_left: None };
    let mut desk = Desk::with(Manner { show: Show::Json, ..ANA }, PLAIN, false);
    desk.happened(&fetched);
    desk.board.end(State::Expired, desk.glance);
    let lines = desk.log();
    let names: Vec<String> = lines
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["fetched", "expired"]);

    let mut desk = Desk::with(Manner { show: Show::Nothing, ..ANA }, PLAIN, false);
    desk.happened(&fetched);
    desk.board.end(State::Expired, desk.glance);
    assert_eq!(desk.log(), "");
}

#[test]
fn the_uses_that_are_left_are_on_the_live_line() {
    let mut desk = Desk::with(Manner { max_uses: NonZeroU32::new(5), ..ANA }, PLAIN, true);
    assert!(desk.live().contains("  5 of 5 uses left  "));
    desk.happened(&Event::Fetched { caller: caller("python3"), uses_left: Some(4) });
    assert!(desk.live().contains("  4 of 5 uses left  "));
    assert_eq!(desk.log(), "15:22:07  fetched by python3 (pid 4242) of ana; 4 of 5 uses left\n");
}

#[test]
fn a_flood_is_counted_and_the_count_told_in_time() {
    let mut desk = Desk::new();
    for _ in 0..313 {
        desk.happened(&Event::RefusedAccount { account: Some(65_534) });
    }
    assert_eq!(desk.log().lines().count(), 2, "one message, broken once");
    desk.after(Duration::from_secs(59));
    assert_eq!(desk.log(), "");
    desk.after(Duration::from_secs(1));
    assert_eq!(desk.log(), "15:23:07  refused: and 312 more from account nobody\n");
}

#[test]
fn a_log_that_nobody_reads_is_bounded() {
    let mut desk = Desk::new();
    for _ in 0..1_000 {
        desk.happened(&Event::InvalidToken { caller: caller("psql"), attempts_left: 2 });
    }
    let log = desk.log();
    assert!(log.len() < MOST_WAITING + 100, "{}", log.len());
    let shown = log.lines().count() - 1;
    let note = format!("({} more lines, while nobody read these)\n", 1_000 - shown);
    assert!(log.ends_with(&note), "{note}");
}

#[test]
fn a_question_is_answered_by_one_key() {
    for (key, then) in [(b'y', None), (b'A', None), (b'n', Some(Refusal::Denied))] {
        let (mut desk, mut asked) = (Desk::new(), Asked::new());
        desk.ask(asked.question());
        assert_eq!(desk.log(), QUESTION);
        assert!(desk.board.wants_keys(desk.glance));
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
    // Somebody is typing something else.
    for _ in 0..20 {
        desk.after(Duration::from_millis(310));
        desk.board.keys_came(b"y", desk.glance.now);
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
    desk.board.asked(asked.question(), desk.glance.now);
    assert!(!desk.board.begins_to_listen(desk.glance));
    desk.glance.now += Duration::from_millis(500);
    assert!(desk.board.begins_to_listen(desk.glance), "now");
    assert!(!desk.board.begins_to_listen(desk.glance), "and not again");
}

#[test]
fn a_pasted_text_is_no_answer() {
    let (mut desk, mut asked) = (Desk::new(), Asked::new());
    desk.ask(asked.question());
    desk.after(Duration::from_secs(1));
    assert_eq!(desk.live(), PROMPT);
    desk.board.keys_came(b"yes", desk.glance.now);
    desk.after(Duration::from_secs(1));
    for byte in b"y\ny\n" {
        desk.board.keys_came(&[*byte], desk.glance.now);
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
    assert!(!desk.board.question().unwrap().is_withdrawn());
    for second in 1..60 {
        *asked.clock.0.lock().unwrap() = Duration::from_secs(second);
        assert_eq!(asked.refusal(), Some(Refusal::AwaitingConsent));
    }
    *asked.clock.0.lock().unwrap() = Question::TIMEOUT;
    assert_eq!(asked.refusal(), Some(Refusal::Denied), "no answer is no");
    assert!(desk.board.question().unwrap().is_withdrawn());
    desk.board.withdrawn(desk.glance);
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
        (Desk::with(Manner { show: Show::Nothing, ..ANA }, PLAIN, false), Asked::new());
    desk.ask(asked.question());
    desk.after(Duration::from_secs(1));
    assert_eq!((desk.log(), desk.board.take_aside()), (String::new(), QUESTION.to_owned()));
    assert_eq!(desk.live(), PROMPT);
    desk.board.withdrawn(desk.glance);
    assert_eq!(desk.board.take_aside(), "15:22:08  an unknown process waits no longer\n");
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
    desk.glance.in_foreground = false;
    assert_eq!(desk.live(), "");
    desk.ask(asked.question());
    desk.after(Duration::from_secs(10));
    assert_eq!(desk.live(), "");
    assert_eq!(
        desk.log(),
        QUESTION.replace("secrets\n", "secrets; answer in the foreground (fg)\n")
    );
    // What is typed at the shell's prompt until then is not for us.
    desk.glance.in_foreground = true;
    desk.board.keys_came(b"y", desk.glance.now);
    desk.after(Duration::from_millis(499));
    assert_eq!((desk.live(), asked.refusal()), (String::new(), Some(Refusal::AwaitingConsent)));
    desk.after(Duration::from_secs(1));
    desk.press(b'y');
    assert_eq!(asked.refusal(), None);
}

#[test]
fn one_key_extends_and_a_paste_does_not() {
    let mut desk = Desk::new();
    for key in *b"yn\n q" {
        assert_eq!(desk.press(key), None, "{key}");
    }
    assert_eq!(desk.press(b'e'), Some(Wish::Extend));
    assert_eq!(desk.press(b'E'), Some(Wish::Extend));
    desk.board.keys_came(b"select", desk.glance.now);
    assert_eq!(desk.after(Duration::from_secs(1)), None);
    desk.glance.state = State::Locked;
    assert_eq!(desk.press(b'e'), None);
    assert!(!desk.board.wants_keys(desk.glance), "no key does anything any more");
    let mut desk = Desk::with(Manner { keys: false, ..ANA }, PLAIN, true);
    assert_eq!(desk.press(b'e'), None);
    assert!(!desk.live().contains("e adds"), "{}", desk.live());
}

#[test]
fn more_time_makes_the_bar_longer_than_the_first_hour() {
    let mut desk = Desk::new();
    desk.board.extended(Duration::from_secs(27 * 60), Duration::from_secs(42 * 60));
    desk.glance.remaining = Duration::from_secs(75 * 60);
    assert!(desk.live().contains(&"━".repeat(30)), "full: 75 of 75 minutes");
    desk.happened(&Event::Extended { remaining: Duration::from_secs(75 * 60) });
    desk.board.not_extended("not extended: no safe lives longer than 480 minutes", desk.glance);
    assert_eq!(
        desk.log(),
        "15:22:07  extended: open for another 75 minutes\n\
         15:22:07  not extended: no safe lives longer than 480 minutes\n"
    );
}

#[test]
fn it_wakes_when_a_second_has_passed_and_else_sleeps() {
    let mut desk = Desk::new();
    desk.glance.remaining = Duration::from_millis(299_250);
    let due = desk.board.due(desk.glance).unwrap();
    assert_eq!(due - desk.glance.now, Duration::from_millis(251));
    let quiet = Desk::with(Manner { show: Show::Lines, ..ANA }, PLAIN, false);
    assert_eq!(quiet.board.due(quiet.glance), None);
}
