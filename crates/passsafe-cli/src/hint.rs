//! What a wrong passphrase most likely is: a typo.
//!
//! The hint names the first word that is not on the list by its place, and the nearest word
//! that is. That can reveal one word of the true passphrase to whoever reads stderr: 12.9
//! of its 77.5 bits, for a safe that still wants its token. The five other words and what
//! was typed are never repeated.

use passsafe_core::{Passphrase, wordlist};

use crate::nearest::nearest;

/// A hint for whoever typed `passphrase`, if it is not six words of the list.
pub(crate) fn for_wrong_passphrase(passphrase: &Passphrase) -> Option<String> {
    let words: Vec<&str> = passphrase.expose().split(' ').collect();
    let stranger = words.iter().enumerate().find(|(_, word)| !wordlist::contains(word));
    if let Some((index, word)) = stranger {
        let place = index + 1;
        Some(match nearest(word, wordlist::words().iter().copied()) {
            Some(near) => {
                format!("word {place} is not on the word list; the nearest one is '{near}'")
            }
            None => format!("word {place} is not on the word list, and none is near it"),
        })
    } else if words.len() == Passphrase::WORDS {
        None
    } else {
        Some(format!(
            "a passphrase of passsafe has {} words, this one {}",
            Passphrase::WORDS,
            words.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(typed: &str) -> Option<String> {
        for_wrong_passphrase(&Passphrase::new(typed).unwrap())
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
