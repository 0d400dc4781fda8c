//! The question of `--confirm`: may this caller have the secrets? Its text, keys and timing.

use std::time::{Duration, Instant};

use passsafe_server::{Caller, Decision, Question};

use super::caller_name::{Names, who};
use super::style::Style;

/// How long no key may have been pressed before an answer counts: a person who is typing when
/// the question appears is answering something else.
pub(super) const LISTENS_AFTER: Duration = Duration::from_millis(500);

/// The question on screen.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) question: Question,
    /// When it was asked.
    asked: Instant,
    /// When the person could first see it.
    pub(super) shown: Instant,
    /// Whether keys are answers by now.
    pub(super) listens: bool,
}

impl Asking {
    pub(super) fn new(question: Question, asked: Instant, shown: Instant) -> Self {
        Self { question, asked, shown, listens: false }
    }

    /// From when on keys are answers, unless others come before that.
    pub(super) fn listens_at(&self, last_key: Option<Instant>) -> Instant {
        last_key.map_or(self.shown, |last| last.max(self.shown)) + LISTENS_AFTER
    }

    /// How long an answer is waited for.
    pub(super) fn left(&self, now: Instant) -> Duration {
        Question::TIMEOUT.saturating_sub(now.saturating_duration_since(self.asked))
    }
}

/// Who asks.
pub(super) fn words(caller: &Caller, names: &Names) -> String {
    format!("{} asks for the secrets", who(caller, names))
}

/// The keys, and the seconds left to press one: the most that fits.
pub(super) fn prompt(
    caller: &Caller,
    left: Duration,
    others: usize,
    columns: usize,
    style: Style,
) -> String {
    let seconds = left.as_millis().div_ceil(1_000);
    let always = if caller.process.is_some() { "process" } else { "connection" };
    let others = if others == 0 { String::new() } else { format!(", {others} more waiting") };
    let full = format!("Give it? y: yes, n: no, a: always to this {always} ({seconds} s{others})");
    let texts =
        [full, format!("Give it? y, n or a (always), {seconds} s"), format!("y/n/a? {seconds} s")];
    let fitting = texts.iter().find(|text| text.len() + 2 < columns);
    fitting.map(|text| format!("  {}", style.bold(text))).unwrap_or_default()
}

/// The same where a line cannot be changed any more.
pub(super) fn lasting_prompt(left: Duration) -> String {
    let seconds = left.as_millis().div_ceil(1_000);
    format!("  Give it? y: yes, n: no, a: always; no answer in {seconds} s means no\n")
}

/// What a key answers.
pub(super) fn decision(key: u8) -> Option<Decision> {
    match key.to_ascii_lowercase() {
        b'y' => Some(Decision::Yes),
        b'n' => Some(Decision::No),
        b'a' => Some(Decision::Always),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller_name::tests::{caller, names};
    use super::super::style::tests::{COLOURED, PLAIN};
    use super::*;

    const LEFT: Duration = Duration::from_millis(57_200);

    #[test]
    fn the_question_names_the_process() {
        assert_eq!(
            words(&caller("python3"), &names()),
            "python3 (pid 4242) of ana asks for the secrets"
        );
    }

    #[test]
    fn the_keys_fit_the_terminal() {
        let known = caller("python3");
        for (caller, others, columns, text) in [
            (&known, 0, 80, "  Give it? y: yes, n: no, a: always to this process (58 s)"),
            (
                &known,
                2,
                80,
                "  Give it? y: yes, n: no, a: always to this process (58 s, 2 more waiting)",
            ),
            (
                &Caller::default(),
                0,
                80,
                "  Give it? y: yes, n: no, a: always to this connection (58 s)",
            ),
            (&known, 2, 40, "  Give it? y, n or a (always), 58 s"),
            (&known, 0, 20, "  y/n/a? 58 s"),
            (&known, 0, 10, ""),
        ] {
            assert_eq!(prompt(caller, LEFT, others, columns, PLAIN), text);
        }
        assert_eq!(prompt(&known, LEFT, 0, 20, COLOURED), "  \x1b[1my/n/a? 58 s\x1b[0m");
        assert_eq!(
            lasting_prompt(LEFT),
            "  Give it? y: yes, n: no, a: always; no answer in 58 s means no\n"
        );
    }

    #[test]
    fn three_keys_are_answers() {
        for (key, answer) in [
            (b'y', Some(Decision::Yes)),
            (b'Y', Some(Decision::Yes)),
            (b'n', Some(Decision::No)),
            (b'a', Some(Decision::Always)),
            (b'\n', None),
            (b' ', None),
            (b'e', None),
        ] {
            assert_eq!(decision(key), answer);
        }
    }
}
