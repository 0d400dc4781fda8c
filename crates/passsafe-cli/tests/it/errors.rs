//! Every error of `docs/cli.md`, provoked: its two lines and its exit code.
//!
//! A row that nothing provokes fails, and so does an error that has no row. To add one: a row
//! in `docs/cli.md`, a case in `errors/`; the test prints the row that is missing.

mod answers;
mod asking;
mod opening;
mod running;
mod serving;
mod usage;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::thread;

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use rexpect::session::PtySession;

use crate::leaks;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What stands for any text.
const ANY: char = '…';

type Case = fn() -> Vec<Refusal>;

const CASES: &[&[Case]] =
    &[answers::CASES, asking::CASES, opening::CASES, running::CASES, serving::CASES, usage::CASES];

/// What a person was told.
#[derive(Debug)]
struct Refusal {
    code: i32,
    error: String,
    hint: String,
}

impl Refusal {
    fn of(output: &Output) -> Self {
        leaks::assert_none(&output.stderr);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let told = stderr.strip_prefix("error: ").and_then(|text| text.split_once("\nhint: "));
        let (error, hint) = told.unwrap_or_else(|| panic!("{output:?}"));
        let hint = hint.strip_suffix('\n').unwrap();
        assert!(!error.contains('\n') && !hint.contains('\n'), "{stderr}");
        assert!(output.stdout.is_empty(), "{output:?}");
        Self { code: output.status.code().unwrap(), error: error.into(), hint: hint.into() }
    }

    /// From what is left to read of a terminal.
    fn at_terminal(session: &mut PtySession) -> Self {
        let rest = session.exp_eof().unwrap();
        leaks::assert_none(rest.as_bytes());
        let line = |start: &str| {
            let told = rest.lines().find_map(|line| line.strip_prefix(start));
            told.unwrap_or_else(|| panic!("{start}{rest:?}")).to_owned()
        };
        let status = session.process().wait().unwrap();
        let code = match status {
            WaitStatus::Exited(_, code) => code,
            // As a shell tells it.
            WaitStatus::Signaled(_, Signal::SIGINT, _) => 130,
            _ => panic!("{status:?}"),
        };
        Self { code, error: line("error: "), hint: line("hint: ") }
    }

    fn row(&self) -> String {
        let Self { code, error, hint } = self;
        format!("| {code} | `{error}` | `{hint}` | |")
    }
}

struct Row {
    code: String,
    error: String,
    hint: String,
}

impl Row {
    fn fits(&self, refusal: &Refusal) -> bool {
        self.code == refusal.code.to_string()
            && fits(&self.error, &refusal.error)
            && fits(&self.hint, &refusal.hint)
    }

    fn shown(&self) -> String {
        format!("| {} | `{}` | `{}` |", self.code, self.error, self.hint)
    }
}

/// The rows between two markers.
fn rows(name: &str) -> Vec<Row> {
    let text = fs::read_to_string(REFERENCE).unwrap();
    let (_, text) = text.split_once(&format!("<!-- begin {name} -->")).unwrap();
    let (text, _) = text.split_once(&format!("<!-- end {name} -->")).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| exit code"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            let [code, error, hint, _] = cells.as_slice() else { panic!("four cells: {line}") };
            let code = code.trim_start_matches("| ").to_owned();
            Row { code, error: unquoted(error), hint: unquoted(hint) }
        })
        .collect();
    assert!(rows.len() > 10, "{name}");
    rows
}

fn unquoted(cell: &str) -> String {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap().to_owned()
}

fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(ANY) else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts = rest.split(ANY).peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    true
}

#[test]
fn a_pattern_fits_what_it_stands_for() {
    for (pattern, text, whether) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a … c", "a b c", true),
        ("a … c", "a b d", false),
        ("…: …", "x: y: z", true),
        ("x … y … z", "x 1 y 2 z", true),
        ("x … y … z", "x 1 z 2 y", false),
        ("…c", "abcb", false),
    ] {
        assert_eq!(fits(pattern, text), whether, "{pattern} {text}");
    }
}

#[test]
fn every_error_is_in_the_reference_and_every_row_is_real() {
    let rows = rows("errors");
    let refusals: Vec<Refusal> = thread::scope(|scope| {
        let threads: Vec<_> = CASES
            .iter()
            .map(|group| scope.spawn(|| group.iter().flat_map(|case| case()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut wrong = Vec::new();
    for refusal in &refusals {
        match rows.iter().filter(|row| row.fits(refusal)).count() {
            1 => {}
            0 => wrong.push(format!("has no row: {}", refusal.row())),
            _ => wrong.push(format!("has several rows: {}", refusal.row())),
        }
    }
    for row in rows.iter().filter(|row| !refusals.iter().any(|it| row.fits(it))) {
        wrong.push(format!("no case provokes: {}", row.shown()));
    }
    assert!(wrong.is_empty(), "docs/cli.md and tests/it/errors/:\n{}", wrong.join("\n"));
}

/// The source of a folder, without its unit tests, whose words reach no user.
fn source(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = paths.map(|path| {
        if path.is_dir() {
            return source(&path);
        }
        let text = fs::read_to_string(&path).unwrap();
        text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()
    });
    texts.collect()
}

#[test]
fn what_no_test_provokes_has_at_least_these_words() {
    let text: String = ["passsafe-cli/src", "passsafe-core/src", "passsafe-client/src"]
        .map(|folder| source(&Path::new(CRATES).join(folder)))
        .concat();
    for row in rows("rare errors") {
        for part in row.error.split(ANY).chain(row.hint.split(ANY)) {
            let part = part.trim_matches([' ', ':']);
            assert!(text.contains(part), "no source says {part:?}: {}", row.shown());
        }
    }
}
