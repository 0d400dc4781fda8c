//! The live line: the time left, and what can be done about it.

use std::time::Duration;

use passsafe_core::wire::State;

use super::style::Style;

/// From here on the seconds are shown.
const LAST_MINUTES: Duration = Duration::from_secs(5 * 60);
/// Columns of a bar. On terminals of less than [`WIDE`] there is none.
const BAR: std::ops::RangeInclusive<usize> = 10..=30;
const WIDE: usize = 60;
/// Before the first word: the cursor is parked there.
const MARGIN: &str = "  ";

/// All that the line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) state: State,
    pub(super) remaining: Duration,
    /// What a full bar stands for.
    pub(super) whole: Duration,
    /// Uses that are left, and all of them.
    pub(super) uses: Option<(u32, u32)>,
    /// Whether keys are read, and more time may be given.
    pub(super) can_extend: bool,
}

/// One line, always narrower than the terminal.
pub(super) fn line(view: View, columns: usize, style: Style) -> String {
    let room = columns.saturating_sub(1);
    let is_open = view.state == State::Open;
    let left = time_left(view.remaining);
    let state = match view.state {
        State::Open => format!("{left} left"),
        State::Locked => format!("locked, gone in {left}"),
        State::Spent => format!("spent, gone in {left}"),
        _ => "over".to_owned(),
    };
    let mut line = Layout { room, used: 0, text: String::new() };
    if !line.add("", &state, |text| style.bold(text)) {
        line.add("", &left, |text| style.bold(text));
        return line.text;
    }
    let uses =
        view.uses.filter(|_| is_open).map(|(left, most)| format!("{left} of {most} uses left"));
    let keys = if is_open && view.can_extend {
        ["e adds 15 minutes, Ctrl-C closes", "e: +15 min"]
    } else if is_open {
        ["Ctrl-C closes it", ""]
    } else {
        ["Ctrl-C ends it", ""]
    };
    if columns >= WIDE && is_open {
        let wanted = uses.as_ref().map_or(0, |uses| uses.len() + 2) + keys[0].len() + 2;
        let free = room.saturating_sub(line.used + 2 + wanted).min(*BAR.end());
        if BAR.contains(&free) {
            let (full, empty) = bar(view.remaining, view.whole, free, style);
            let is_short = view.remaining <= LAST_MINUTES;
            let both = style.bar(&full, is_short) + &style.dim(&empty);
            line.add_inked(free, &both);
        }
    }
    if let Some(uses) = uses {
        // Shorter, where that leaves room for the keys.
        let short = uses.trim_end_matches(" left");
        let is_narrow = line.free() < 2 * MARGIN.len() + uses.len() + keys[1].len();
        line.add(MARGIN, if is_narrow { short } else { &uses }, str::to_owned);
    }
    let _first_that_fits = keys.iter().any(|keys| line.add(MARGIN, keys, |text| style.dim(text)));
    line.text
}

/// A line under construction, that never grows wider than its room.
struct Layout {
    room: usize,
    used: usize,
    text: String,
}

impl Layout {
    /// Adds `text` if there is room for it.
    fn add(&mut self, gap: &str, text: &str, ink: impl Fn(&str) -> String) -> bool {
        let gap = if self.text.is_empty() { MARGIN } else { gap };
        let width = gap.len() + text.chars().count();
        if self.used + width > self.room {
            return false;
        }
        if !text.is_empty() {
            self.used += width;
            self.text.push_str(gap);
            self.text.push_str(&ink(text));
        }
        true
    }

    fn free(&self) -> usize {
        self.room - self.used
    }

    fn add_inked(&mut self, width: usize, text: &str) {
        self.used += MARGIN.len() + width;
        self.text.push_str(MARGIN);
        self.text.push_str(text);
    }
}

/// Full and empty part.
fn bar(remaining: Duration, whole: Duration, columns: usize, style: Style) -> (String, String) {
    let (remaining, whole) = (remaining.as_millis(), whole.as_millis().max(1));
    let full = usize::try_from((remaining * as_u128(columns)).div_ceil(whole)).unwrap_or(columns);
    let full = full.min(columns);
    let (on, off) = if style.unicode { ("━", "─") } else { ("=", "-") };
    (on.repeat(full), off.repeat(columns - full))
}

fn as_u128(number: usize) -> u128 {
    number.try_into().unwrap_or(u128::MAX)
}

/// Whole minutes, and in the last ones the seconds: `27 min`, `4:59`. Rounded up, so that it
/// starts with the time that was asked for and ends with the last second.
pub(super) fn time_left(remaining: Duration) -> String {
    if remaining > LAST_MINUTES {
        format!("{} min", remaining.as_millis().div_ceil(60_000))
    } else {
        let seconds = remaining.as_millis().div_ceil(1_000);
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::tests::{COLOURED, PLAIN};
    use super::*;

    const OPEN: View = View {
        state: State::Open,
        remaining: Duration::from_secs(26 * 60 + 1),
        whole: Duration::from_secs(3_600),
        uses: None,
        can_extend: true,
    };
    const LIMITED: View = View { uses: Some((2, 5)), ..OPEN };
    const LOCKED: View = View { state: State::Locked, ..LIMITED };

    #[test]
    fn wide() {
        for (view, text) in [
            (
                OPEN,
                "  27 min left  ━━━━━━━━━━━━━━────────────────  e adds 15 minutes, Ctrl-C closes",
            ),
            (
                LIMITED,
                "  27 min left  ━━━━━━──────  2 of 5 uses left  e adds 15 minutes, Ctrl-C closes",
            ),
            (
                View { can_extend: false, ..OPEN },
                "  27 min left  ━━━━━━━━━━━━━━────────────────  Ctrl-C closes it",
            ),
            (LOCKED, "  locked, gone in 27 min  Ctrl-C ends it"),
            (View { state: State::Spent, ..LIMITED }, "  spent, gone in 27 min  Ctrl-C ends it"),
        ] {
            assert_eq!(line(view, 80, PLAIN), text);
        }
    }

    #[test]
    fn of_forty_columns() {
        for (view, text) in [
            (OPEN, "  27 min left  e: +15 min"),
            (LIMITED, "  27 min left  2 of 5 uses  e: +15 min"),
            (View { can_extend: false, ..OPEN }, "  27 min left  Ctrl-C closes it"),
            (LOCKED, "  locked, gone in 27 min"),
        ] {
            assert_eq!(line(view, 40, PLAIN), text);
        }
    }

    #[test]
    fn of_twenty_columns_and_less() {
        for (view, columns, text) in [
            (LIMITED, 20, "  27 min left"),
            (LOCKED, 20, "  27 min"),
            (OPEN, 10, "  27 min"),
            (OPEN, 5, ""),
            (OPEN, 0, ""),
        ] {
            assert_eq!(line(view, columns, PLAIN), text);
        }
    }

    #[test]
    fn is_always_narrower_than_the_terminal() {
        for columns in 1..200 {
            for view in
                [OPEN, LIMITED, LOCKED, View { remaining: Duration::from_secs(59), ..LIMITED }]
            {
                let line = line(view, columns, PLAIN);
                assert!(line.chars().count() < columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn colour_and_letters_are_the_terminals() {
        let coloured = line(OPEN, 80, COLOURED);
        assert!(coloured.starts_with("  \x1b[1m27 min left\x1b[0m  \x1b[36m━"), "{coloured:?}");
        let codes = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m"];
        let plain = codes.iter().fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, line(OPEN, 80, PLAIN));
        let ascii = line(OPEN, 80, Style { unicode: false, ..PLAIN });
        assert!(ascii.contains("  ==============----------------  "), "{ascii}");
    }

    #[test]
    fn time_is_rounded_up_and_counts_seconds_in_the_last_minutes() {
        for (milliseconds, text) in [
            (3_600_000, "60 min"),
            (3_540_001, "60 min"),
            (3_540_000, "59 min"),
            (300_001, "6 min"),
            (300_000, "5:00"),
            (59_001, "1:00"),
            (1, "0:01"),
            (0, "0:00"),
        ] {
            assert_eq!(time_left(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn the_bar_goes_from_full_to_almost_empty() {
        let count =
            |seconds| bar(Duration::from_secs(seconds), OPEN.whole, 30, PLAIN).0.chars().count();
        assert_eq!((count(3_600), count(1_800), count(1), count(0)), (30, 15, 1, 0));
        assert_eq!(count(4_000), 30, "never more than full");
    }
}
