//! The model, without a terminal and under a clock that the tests move.

mod asking;

use std::num::NonZeroU32;
use std::time::UNIX_EPOCH;

use super::super::caller_name::tests::{caller, names};
use super::super::local_time::tests::utc;
use super::super::style::tests::PLAIN;
use super::*;

const ANA: DisplayOptions =
    DisplayOptions { show: Show::Live, keys: true, confirm: true, max_uses: None };
const MILLISECOND: Duration = Duration::from_millis(1);

/// A person's terminal of 80 columns, and a safe with 27 of its 60 minutes left.
struct Desk {
    model: Model,
    snapshot: Snapshot,
}

impl Desk {
    fn new() -> Self {
        Self::with(ANA, PLAIN, true)
    }

    fn with(options: DisplayOptions, style: Style, log_is_terminal: bool) -> Self {
        let hour = Duration::from_secs(3_600);
        let mut model = Model::new(options, style, utc(), log_is_terminal, hour);
        model.names = names();
        let snapshot = Snapshot {
            now: Instant::now(),
            time: UNIX_EPOCH + Duration::from_secs(1_795_188_127),
            state: State::Open,
            remaining: Duration::from_secs(27 * 60),
            in_foreground: true,
            columns: 80,
        };
        Self { model, snapshot }
    }

    /// Time passes, and the loop runs once. Returns the action that a key asked for.
    fn after(&mut self, time: Duration) -> Option<Action> {
        self.snapshot.now += time;
        self.snapshot.time += time;
        self.snapshot.remaining -= time;
        self.model.begins_to_listen(self.snapshot);
        let action = self.model.action(self.snapshot);
        self.model.tell_counts(self.snapshot);
        action
    }

    /// Presses one key, and waits until it counts as pressed alone.
    fn press(&mut self, key: u8) -> Option<Action> {
        self.after(Duration::from_secs(1));
        self.model.keys_came(&[key], self.snapshot.now);
        self.after(Duration::from_secs(1))
    }

    fn ask(&mut self, asked: Question) {
        self.model.asked(asked, self.snapshot.now);
        self.after(MILLISECOND);
    }

    fn happened(&mut self, event: &Event) {
        self.model.happened(event, self.snapshot);
    }

    fn log(&mut self) -> String {
        self.model.take_log(self.snapshot.time)
    }

    fn live(&self) -> String {
        self.model.live(self.snapshot).unwrap_or_default()
    }
}

const LIVE: &str =
    "  27 min left  ━━━━━━━━━━━━━━────────────────  e adds 15 minutes, Ctrl-C closes";

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
        let desk = Desk::with(DisplayOptions { show, ..ANA }, style, log_is_terminal);
        assert_eq!(desk.live(), "", "{show:?} {log_is_terminal} {style:?}");
        assert!(!desk.model.wants_keys(desk.snapshot));
    }
}

#[test]
fn events_join_the_log() {
    let mut desk = Desk::new();
    for event in [
        Event::Fetched { caller: caller("python3"), uses_left: None, times: 1 },
        Event::InvalidToken { caller: caller("psql"), attempts_left: 2 },
        Event::Closed { caller: Some(caller("passsafe")) },
    ] {
        desk.happened(&event);
    }
    desk.model.end(State::Closed, desk.snapshot);
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
    let fetched = Event::Fetched { caller: caller("python3"), uses_left: None, times: 1 };
    let mut desk = Desk::with(DisplayOptions { show: Show::Json, ..ANA }, PLAIN, false);
    desk.happened(&fetched);
    desk.model.end(State::Expired, desk.snapshot);
    let lines = desk.log();
    let names: Vec<String> = lines
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["fetched", "expired"]);

    let mut desk = Desk::with(DisplayOptions { show: Show::Nothing, ..ANA }, PLAIN, false);
    desk.happened(&fetched);
    desk.model.end(State::Expired, desk.snapshot);
    assert_eq!(desk.log(), "");
}

#[test]
fn the_uses_that_are_left_are_on_the_live_line() {
    let mut desk = Desk::with(DisplayOptions { max_uses: NonZeroU32::new(5), ..ANA }, PLAIN, true);
    assert!(desk.live().contains("  5 of 5 uses left  "));
    desk.happened(&Event::Fetched { caller: caller("python3"), uses_left: Some(4), times: 1 });
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
    let note =
        format!("({} more lines were left out, because these were not read)\n", 1_000 - shown);
    assert!(log.ends_with(&note), "{note}");
}

#[test]
fn one_key_extends_and_a_paste_does_not() {
    let mut desk = Desk::new();
    for key in *b"yn\n q" {
        assert_eq!(desk.press(key), None, "{key}");
    }
    assert_eq!(desk.press(b'e'), Some(Action::Extend));
    assert_eq!(desk.press(b'E'), Some(Action::Extend));
    desk.model.keys_came(b"select", desk.snapshot.now);
    assert_eq!(desk.after(Duration::from_secs(1)), None);
    desk.snapshot.state = State::Locked;
    assert_eq!(desk.press(b'e'), None);
    assert!(!desk.model.wants_keys(desk.snapshot), "no key does anything any more");
    let mut desk = Desk::with(DisplayOptions { keys: false, ..ANA }, PLAIN, true);
    assert_eq!(desk.press(b'e'), None);
    assert!(!desk.live().contains("e adds"), "{}", desk.live());
}

#[test]
fn more_time_makes_the_bar_longer_than_the_first_hour() {
    let mut desk = Desk::new();
    desk.model.extended(Duration::from_secs(27 * 60), Duration::from_secs(42 * 60));
    desk.snapshot.remaining = Duration::from_secs(75 * 60);
    assert!(desk.live().contains(&"━".repeat(30)), "full: 75 of 75 minutes");
    desk.happened(&Event::Extended { remaining: Duration::from_secs(75 * 60) });
    desk.model.not_extended("not extended: no safe lives longer than 480 minutes", desk.snapshot);
    assert_eq!(
        desk.log(),
        "15:22:07  extended: open for another 75 minutes\n\
         15:22:07  not extended: no safe lives longer than 480 minutes\n"
    );
}

#[test]
fn it_wakes_when_a_second_has_passed_and_else_sleeps() {
    let mut desk = Desk::new();
    desk.snapshot.remaining = Duration::from_millis(299_250);
    let due = desk.model.due(desk.snapshot).unwrap();
    assert_eq!(due - desk.snapshot.now, Duration::from_millis(251));
    let quiet = Desk::with(DisplayOptions { show: Show::Lines, ..ANA }, PLAIN, false);
    assert_eq!(quiet.model.due(quiet.snapshot), None);
}
