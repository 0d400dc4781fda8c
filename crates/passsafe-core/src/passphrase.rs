//! The one-time passphrase: six words of the EFF large list, or whatever a person typed.

mod typo;

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use crate::random::{Random, RandomError};
use crate::wordlist;

pub use typo::Typo;

/// A passphrase in its normal form, never empty. Wiped on drop.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Words in a generated passphrase: 6 × 12.92 = 77.5 bits.
    pub const WORDS: usize = 6;

    /// Draws six words uniformly, with replacement.
    ///
    /// Rejection sampling: of the 65,536 values of two random bytes the first
    /// 8 × 7,776 = 62,208 are used and the rest drawn again, so no word is likelier.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if `random` cannot deliver.
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut text = Zeroizing::new(String::with_capacity(Self::LONGEST_GENERATED));
        for position in 0..Self::WORDS {
            if position > 0 {
                text.push(' ');
            }
            text.push_str(draw_word(random)?);
        }
        Ok(Self(text))
    }

    /// Takes what a person typed and normalises it: surrounding white space trimmed, A–Z
    /// lower-cased, each run of the bytes 09–0D and 20 made one space. Anything else stays
    /// as it is, hyphens included: four words of the list contain one.
    ///
    /// # Errors
    ///
    /// [`EmptyPassphrase`] if nothing but white space was typed.
    pub fn new(typed: &str) -> Result<Self, EmptyPassphrase> {
        // Never longer than the input, so the buffer does not move while it fills.
        let mut text = Zeroizing::new(String::with_capacity(typed.len()));
        for word in typed.split(is_white_space).filter(|word| !word.is_empty()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text.make_ascii_lowercase();
        if text.is_empty() { Err(EmptyPassphrase) } else { Ok(Self(text)) }
    }

    /// The passphrase in its normal form: words joined by single spaces.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Longest word of the list is nine letters; five spaces between six of them.
    const LONGEST_GENERATED: usize = Self::WORDS * 9 + Self::WORDS - 1;
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

/// The passphrase has no characters besides white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyPassphrase;

error_text!(EmptyPassphrase, "the passphrase is empty");

/// ASCII white space including vertical tab (0B), which `is_ascii_whitespace` leaves out.
fn is_white_space(c: char) -> bool {
    matches!(c, '\x09'..='\x0d' | '\x20')
}

fn draw_word(random: &mut dyn Random) -> Result<&'static str, RandomError> {
    let words = wordlist::words();
    let limit = 0x1_0000 / wordlist::LEN * wordlist::LEN;
    let mut bytes = [0; 2];
    loop {
        random.fill(&mut bytes)?;
        let drawn = usize::from(u16::from_be_bytes(bytes));
        if drawn >= limit {
            continue;
        }
        if let Some(word) = words.get(drawn % wordlist::LEN) {
            bytes.zeroize();
            return Ok(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out the given two-byte draws in order, then fails.
    fn draws(values: &[u16]) -> impl Random {
        let mut rest: Vec<u16> = values.iter().rev().copied().collect();
        move |out: &mut [u8]| {
            let value = rest.pop().ok_or(RandomError)?;
            out.copy_from_slice(&value.to_be_bytes());
            Ok(())
        }
    }

    #[test]
    fn six_words_are_drawn_by_position_in_the_list() {
        let passphrase =
            Passphrase::generate(&mut draws(&[0, 1, 7_775, 7_776, 62_207, 2])).unwrap();
        assert_eq!(passphrase.expose(), "abacus abdomen zoom abacus zoom abdominal");
    }

    #[test]
    fn values_past_the_last_whole_multiple_are_drawn_again() {
        let passphrase =
            Passphrase::generate(&mut draws(&[62_208, 65_535, 0, 0, 0, 0, 0, 62_208, 0])).unwrap();
        assert_eq!(passphrase.expose(), "abacus abacus abacus abacus abacus abacus");
    }

    #[test]
    fn every_accepted_value_is_equally_likely() {
        let mut count = vec![0_u32; wordlist::LEN];
        for value in 0..62_208_u16 {
            let word = draw_word(&mut draws(&[value])).unwrap();
            count[wordlist::words().binary_search(&word).unwrap()] += 1;
        }
        assert!(count.iter().all(|&times| times == 8));
        assert!((62_208..=u16::MAX).all(|value| draw_word(&mut draws(&[value])).is_err()));
    }

    #[test]
    fn a_generator_that_fails_gives_no_passphrase() {
        assert!(Passphrase::generate(&mut draws(&[1, 2, 3, 4, 5])).is_err());
    }

    #[test]
    fn the_longest_generated_passphrase_fits_its_buffer() {
        let longest = wordlist::words().iter().map(|word| word.len()).max();
        assert_eq!(longest.map(|len| len * 6 + 5), Some(Passphrase::LONGEST_GENERATED));
    }

    #[test]
    fn typed_text_is_normalised_in_ascii_only() {
        let normal = |typed: &str| Passphrase::new(typed).map(|it| it.expose().to_owned());
        assert_eq!(
            normal("  Crudely\tEXPLODE \x0b\x0c\r\n yo-yo\n").unwrap(),
            "crudely explode yo-yo"
        );
        // Non-ASCII capitals and spaces are the person's own.
        assert_eq!(normal("\u{c4}rger\u{a0}X").unwrap(), "\u{c4}rger\u{a0}x");
        assert_eq!(normal(" \t\x0b ").unwrap_err(), EmptyPassphrase);
        assert_eq!(normal("").unwrap_err(), EmptyPassphrase);
    }

    #[test]
    fn debug_shows_nothing_of_the_passphrase() {
        assert_eq!(format!("{:?}", Passphrase::new("zoom").unwrap()), "Passphrase(redacted)");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(typed in "\\PC{0,40}|[a-zA-Z \t\r\n\x0b\x0c-]{0,40}") {
            if let Ok(once) = Passphrase::new(&typed) {
                let twice = Passphrase::new(once.expose()).unwrap();
                prop_assert_eq!(once.expose(), twice.expose());
                prop_assert!(!once.expose().starts_with(' ') && !once.expose().ends_with(' '));
                prop_assert!(!once.expose().contains("  "));
            }
        }

        #[test]
        fn case_and_spacing_never_matter(words in prop::collection::vec("[a-z-]{1,9}", 1..8), gap in "[ \t\n\r\x0b\x0c]{1,3}") {
            let plain = Passphrase::new(&words.join(" ")).unwrap();
            let loud = Passphrase::new(&format!("{gap}{}{gap}", words.join(&gap).to_uppercase())).unwrap();
            prop_assert_eq!(plain.expose(), loud.expose());
        }
    }
}
