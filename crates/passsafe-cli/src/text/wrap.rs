//! Lines broken between words, where a window is narrower: a terminal breaks inside them.

use textwrap::{Options, WordSplitter, wrap};

/// The text in lines of so many columns at most, behind the first and the other indents. A word
/// that is wider stays whole, and so do spaces within a line.
pub(crate) fn lines(text: &str, columns: usize, first: &str, others: &str) -> Vec<String> {
    let options = Options::new(columns)
        .break_words(false)
        // Flags have hyphens.
        .word_splitter(WordSplitter::NoHyphenation)
        .initial_indent(first)
        .subsequent_indent(others);
    wrap(text, options).into_iter().map(Into::into).collect()
}

/// Each line of a message, with the rest of a broken one set in.
pub(crate) fn message(text: &str, columns: usize) -> String {
    text.split_inclusive('\n')
        .map(|line| {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            lines(line, columns, "", "  ").join("\n") + end
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_broken_between_words_and_flags_stay_whole() {
        let text = "error: this account may not connect\nhint: add --allow-any-user\n\n";
        assert_eq!(message(text, 80), text);
        assert_eq!(
            message(text, 20),
            "error: this account\n  may not connect\nhint: add\n  --allow-any-user\n\n"
        );
        assert_eq!(message("--allow-any-user", 5), "--allow-any-user");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(words in prop::collection::vec("[a-z-]{1,30}", 0..20), columns in 0..90_usize) {
            let text = words.join(" ") + "\n";
            let broken = message(&text, columns);
            prop_assert_eq!(broken.split_whitespace().collect::<Vec<_>>(), words);
            let fits = |line: &str| line.len() <= columns || !line.trim().contains(' ');
            prop_assert!(broken.lines().all(fits), "{}", broken);
        }
    }
}
