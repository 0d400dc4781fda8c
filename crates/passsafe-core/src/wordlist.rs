//! The EFF large word list: 7,776 English words, one for every roll of five dice.
//!
//! The list is data of the Electronic Frontier Foundation under CC BY 3.0 US; the file
//! `wordlists/README.md` of this crate gives origin, attribution and checksum.

use std::sync::LazyLock;

/// Number of words: 6⁵, so a word is worth 12.92 bits.
pub const LEN: usize = 7_776;

/// The list as the EFF publishes it: five digits, a tab, a word, a line feed.
const EFF_LARGE: &str = include_str!("../wordlists/eff_large_wordlist.txt");

static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    EFF_LARGE.lines().filter_map(|line| line.split_once('\t')).map(|(_dice, word)| word).collect()
});

/// All words, in the order of the list, which is alphabetical.
#[must_use]
pub fn words() -> &'static [&'static str] {
    &WORDS
}

/// Whether `word` is on the list, exactly as written.
#[must_use]
pub fn contains(word: &str) -> bool {
    WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_list_is_the_published_one() {
        let digest = ring::digest::digest(&ring::digest::SHA256, EFF_LARGE.as_bytes());
        assert_eq!(
            data_encoding::HEXLOWER.encode(digest.as_ref()),
            "addd35536511597a02fa0a9ff1e5284677b8883b83e986e43f15a3db996b903e"
        );
    }

    #[test]
    fn every_word_is_there_once_and_sorted() {
        assert_eq!(words().len(), LEN);
        assert!(words().windows(2).all(|pair| pair[0] < pair[1]));
        assert!(words().iter().all(|word| contains(word)));
        assert!(!contains("passsafe"));
    }

    #[test]
    fn four_words_contain_a_hyphen() {
        let hyphened: Vec<_> = words().iter().filter(|word| word.contains('-')).collect();
        assert_eq!(hyphened, [&"drop-down", &"felt-tip", &"t-shirt", &"yo-yo"]);
    }
}
