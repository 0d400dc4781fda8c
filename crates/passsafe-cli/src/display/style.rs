//! What a terminal can show, and how text is laid out on it.

use console::Style as Ink;

use super::log_text::Tone;
use crate::text::wrap;

/// Columns beside the times of the log that a text needs.
const TOO_NARROW: usize = 24;

/// What the person's terminal is capable of, and wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) colour: bool,
    /// Whether its locale is UTF-8.
    pub(crate) unicode: bool,
    /// Whether the cursor can be moved; `TERM=dumb` and none cannot.
    pub(crate) moves: bool,
}

impl Style {
    /// Text that steps back.
    pub(super) fn dim(self, text: &str) -> String {
        self.ink(&Ink::new().dim(), text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.ink(&Ink::new().bold(), text)
    }

    /// The bar of the time left.
    pub(super) fn bar(self, text: &str, is_short: bool) -> String {
        self.ink(&if is_short { Ink::new().yellow() } else { Ink::new().cyan() }, text)
    }

    /// A line of the log behind its time, broken between words where it is wider than the
    /// terminal: a terminal breaks inside them.
    pub(super) fn log(self, time: &str, tone: Tone, text: &str, columns: usize) -> String {
        let ink = match tone {
            Tone::Plain => Ink::new(),
            Tone::Odd => Ink::new().yellow(),
            Tone::Final => Ink::new().bold(),
        };
        let stamp = time.chars().count() + "  ".len();
        // Beside a wide margin there would be room for one word.
        let margin = if columns < stamp + TOO_NARROW { "  ".len() } else { stamp };
        let (first, others) = (" ".repeat(stamp), " ".repeat(margin));
        let broken = wrap::lines(text, columns, &first, &others);
        let lines = broken.iter().enumerate().map(|(number, line)| {
            let (indent, start) = match number {
                0 => (first.as_str(), self.dim(time) + "  "),
                _ => (others.as_str(), others.clone()),
            };
            start + &self.ink(&ink, line.strip_prefix(indent).unwrap_or(line)) + "\n"
        });
        lines.collect()
    }

    fn ink(self, ink: &Ink, text: &str) -> String {
        ink.clone().force_styling(self.colour).apply_to(text).to_string()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::display) const PLAIN: Style = Style { colour: false, unicode: true, moves: true };
    pub(in crate::display) const COLOURED: Style = Style { colour: true, ..PLAIN };

    const TEXT: &str = "fetched by python3 (pid 4242) of ana; 3 times so far";

    #[test]
    fn a_log_line_is_broken_between_words() {
        assert_eq!(
            PLAIN.log("15:42:07", Tone::Plain, TEXT, 80),
            "15:42:07  fetched by python3 (pid 4242) of ana; 3 times so far\n"
        );
        assert_eq!(
            PLAIN.log("15:42:07", Tone::Plain, TEXT, 40),
            "15:42:07  fetched by python3 (pid 4242)\n          of ana; 3 times so far\n"
        );
        assert_eq!(
            PLAIN.log("15:42:07", Tone::Plain, TEXT, 20),
            "15:42:07  fetched by\n  python3 (pid 4242)\n  of ana; 3 times so\n  far\n"
        );
    }

    #[test]
    fn colour_is_asked_for_or_absent() {
        assert_eq!(
            COLOURED.log("15:42:07", Tone::Odd, "wrong token", 80),
            "\x1b[2m15:42:07\x1b[0m  \x1b[33mwrong token\x1b[0m\n"
        );
        assert!(!PLAIN.log("15:42:07", Tone::Odd, "wrong token", 80).contains('\x1b'));
    }
}
