//! What a wrong passphrase most likely is: a typo.
//!
//! The hint names the first word that is not on the list by its place, and the nearest word
//! that is. That can reveal one word of the true passphrase to whoever reads the message: 12.9
//! of its 77.5 bits, for a safe that still wants its token. The five other words and what
//! was typed are never repeated.

use std::fmt;

use super::Passphrase;
use crate::spelling::nearest;
use crate::wordlist;

/// How a passphrase differs from six words of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Typo {
    /// A word that is not on the list.
    Stranger {
        /// Its place, from 1.
        place: usize,
        /// The word of the list that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Words of the list, but not six.
    Count(usize),
}

impl Passphrase {
    /// What was probably mistyped. `None` if these are six words of the list: what is wrong
    /// then, if it is, cannot be told.
    ///
    /// Worth up to one word of the passphrase to whoever is shown it: ask only once a safe
    /// turned out not to open.
    #[must_use]
    pub fn typo(&self) -> Option<Typo> {
        let words: Vec<&str> = self.expose().split(' ').collect();
        let stranger = words.iter().enumerate().find(|(_, word)| !wordlist::contains(word));
        match stranger {
            Some((index, word)) => {
                let nearest = nearest(word, wordlist::words().iter().copied());
                Some(Typo::Stranger { place: index + 1, nearest })
            }
            None => (words.len() != Self::WORDS).then_some(Typo::Count(words.len())),
        }
    }
}

impl fmt::Display for Typo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger { place, nearest: Some(near) } => {
                write!(f, "word {place} is not on the word list; the nearest one is '{near}'")
            }
            Self::Stranger { place, nearest: None } => {
                write!(f, "word {place} is not on the word list, and none is near it")
            }
            Self::Count(words) => {
                let wanted = Passphrase::WORDS;
                write!(f, "a passphrase of passsafe has {wanted} words, this one {words}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(typed: &str) -> Option<String> {
        Passphrase::new(typed).unwrap().typo().map(|typo| typo.to_string())
    }

    #[test]
    fn the_first_word_that_is_not_on_the_list_is_corrected() {
        assert_eq!(
            hint("Crudely explode kilogran detached overdrive unlit").unwrap(),
            "word 3 is not on the word list; the nearest one is 'kilogram'"
        );
        assert_eq!(
            hint("crudely explode kilogram detached overdrive nulit").unwrap(),
            "word 6 is not on the word list; the nearest one is 'unlit'"
        );
    }

    #[test]
    fn a_word_that_resembles_none_is_not_repeated() {
        let told = hint("crudely explode Tr0ub4dor&3xyz detached overdrive unlit");
        assert_eq!(told.unwrap(), "word 3 is not on the word list, and none is near it");
        let told = hint("correcthorsebatterystaple");
        assert_eq!(told.unwrap(), "word 1 is not on the word list, and none is near it");
    }

    #[test]
    fn words_are_counted() {
        let told = hint("zoom yo-yo abacus abdomen zoom").unwrap();
        assert_eq!(told, "a passphrase of passsafe has 6 words, this one 5");
    }

    #[test]
    fn words_of_the_list_give_no_hint() {
        assert_eq!(hint("zoom yo-yo abacus abdomen zoom zoom"), None);
        assert_eq!(
            hint("zoom zoom zoom zoom zoom b").unwrap(),
            "word 6 is not on the word list, and none is near it"
        );
    }
}
