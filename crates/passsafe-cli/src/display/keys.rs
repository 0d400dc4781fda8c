//! Single key presses of a person, told from pasted text and keys that are held down.
//!
//! What is pasted into the wrong window comes as a burst: many bytes in one read, or one upon
//! the other. A key counts only if none came shortly before it or right after it.

use std::time::{Duration, Instant};

/// Time without a key before the one that counts.
pub(super) const BEFORE: Duration = Duration::from_millis(300);
/// Time without a key after it. A paste has no such gaps, and a key that is held repeats faster.
pub(super) const AFTER: Duration = Duration::from_millis(50);

/// What was pressed lately.
#[derive(Debug, Default)]
pub(super) struct Keys {
    last: Option<Instant>,
    /// The key that counts if none follows, and when it does.
    alone: Option<(u8, Instant)>,
}

impl Keys {
    /// Bytes came from the keyboard, in one read.
    pub(super) fn came(&mut self, bytes: &[u8], now: Instant) {
        let first = self.last.is_none_or(|last| now.saturating_duration_since(last) >= BEFORE);
        self.alone = match bytes {
            [] => return,
            [key] if first => Some((*key, now + AFTER)),
            _ => None,
        };
        self.last = Some(now);
    }

    /// The key that was pressed alone, once that is clear.
    pub(super) fn pressed(&mut self, now: Instant) -> Option<u8> {
        let (key, clear) = self.alone?;
        if now < clear {
            return None;
        }
        self.alone = None;
        Some(key)
    }

    /// When it is worth asking again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.alone.map(|(_, clear)| clear)
    }

    /// When the last key came.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last
    }

    /// What was pressed so far means nothing any more.
    pub(super) fn forget(&mut self) {
        self.alone = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    /// Feeds reads at milliseconds from the start, and returns the keys that counted.
    fn counted(reads: &[(u64, &[u8])]) -> String {
        let start = Instant::now();
        let mut keys = Keys::default();
        let mut counted = Vec::new();
        for (at, bytes) in reads {
            let now = start + Duration::from_millis(*at);
            counted.extend(keys.pressed(now));
            keys.came(bytes, now);
        }
        counted.extend(keys.pressed(start + Duration::from_secs(3_600)));
        String::from_utf8(counted).unwrap()
    }

    #[test]
    fn a_key_alone_counts_once_no_other_follows() {
        let start = Instant::now();
        let mut keys = Keys::default();
        keys.came(b"y", start);
        assert_eq!(keys.pressed(start + AFTER.saturating_sub(MOMENT)), None);
        assert_eq!(keys.due(), Some(start + AFTER));
        assert_eq!(keys.pressed(start + AFTER), Some(b'y'));
        assert_eq!(keys.pressed(start + AFTER), None, "once");
    }

    #[test]
    fn pasted_text_does_not_count() {
        assert_eq!(counted(&[(0, b"yes")]), "");
        assert_eq!(counted(&[(0, b"y"), (1, b"e"), (2, b"s")]), "");
        assert_eq!(counted(&[(0, b"\x1b[A")]), "", "an arrow key");
        assert_eq!(counted(&[(0, b"long"), (200, b"y")]), "", "the tail of a paste");
    }

    #[test]
    fn a_key_that_is_held_counts_once_at_most() {
        let held: Vec<(u64, &[u8])> = (0..100).map(|n| (500 + n * 33, &b"y"[..])).collect();
        assert_eq!(counted(&held), "");
        let slowly: Vec<(u64, &[u8])> = (0..3).map(|n| (n * 300, &b"y"[..])).collect();
        assert_eq!(counted(&slowly), "yyy", "pressed again and again");
    }

    #[test]
    fn enter_behind_a_key_does_not_count() {
        assert_eq!(counted(&[(0, b"y"), (120, b"\n")]), "y");
    }
}
