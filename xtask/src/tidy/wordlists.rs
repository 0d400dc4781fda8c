//! The word list that core embeds is the published one, byte for byte.

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

pub(super) const ORIGINAL: &str = "wordlists/eff_large_wordlist.txt";
pub(super) const EMBEDDED: &str = "crates/passsafe-core/wordlists/eff_large_wordlist.txt";
pub(super) const README: &str = "wordlists/README.md";
const CHECKSUM: &str = "addd35536511597a02fa0a9ff1e5284677b8883b83e986e43f15a3db996b903e";

pub(super) fn check(original: &[u8], embedded: &[u8], readme: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, list) in [(ORIGINAL, original), (EMBEDDED, embedded)] {
        if HEXLOWER.encode(digest(&SHA256, list).as_ref()) != CHECKSUM {
            findings.push(format!("{path}: is not the published list (SHA-256 {CHECKSUM})"));
        }
    }
    if original != embedded {
        findings.push(format!("{EMBEDDED}: differs from {ORIGINAL}"));
    }
    if !readme.contains(CHECKSUM) {
        findings.push(format!("{README}: does not state the list's SHA-256 {CHECKSUM}"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = include_bytes!("../../../wordlists/eff_large_wordlist.txt");

    #[test]
    fn a_changed_list_or_copy_and_a_missing_checksum_are_found() {
        assert_eq!(check(LIST, LIST, CHECKSUM), Vec::<String>::new());
        let mut changed = LIST.to_vec();
        changed[6] ^= 1;
        assert_eq!(check(&changed, &changed, CHECKSUM).len(), 2);
        assert_eq!(check(LIST, &changed, CHECKSUM).len(), 2);
        assert_eq!(check(&changed, LIST, CHECKSUM).len(), 2);
        assert_eq!(check(LIST, LIST, "SHA-256: unknown").len(), 1);
    }
}
