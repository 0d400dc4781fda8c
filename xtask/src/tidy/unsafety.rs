//! Code that the compiler does not check (`unsafe`): none in core, elsewhere one file per
//! crate, whose header says why.

use std::collections::BTreeMap;

use super::source::Source;

const WITHOUT: &str = "crates/passsafe-core";

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut first_by_crate: BTreeMap<&str, &Source> = BTreeMap::new();
    for source in sources {
        let tokens = source.tokens();
        let Some(token) = tokens.iter().find(|token| token.text == "unsafe") else { continue };
        let folder = source.crate_folder();
        if folder == WITHOUT {
            findings.push(source.finding(token.line, "core has no unsafe code"));
        } else if !source.header().any(|line| line.contains("unsafe")) {
            findings.push(source.finding(1, "the header says no reason for unsafe code"));
        }
        let first = first_by_crate.entry(folder).or_insert(source);
        if first.path != source.path {
            let message = format!("{} already is the crate's file with unsafe code", first.path);
            findings.push(source.finding(token.line, &message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    const REASONED: &str =
        "//! The one unsafe call: no safe wrapper has it.\nfn f() { unsafe { g() } }";

    #[test]
    fn core_has_none_whatever_the_reason() {
        assert_eq!(check(&[source("crates/passsafe-core/src/a.rs", REASONED)]).len(), 1);
    }

    #[test]
    fn a_crate_has_one_file_of_it() {
        let one = source("crates/passsafe-cli/src/a.rs", REASONED);
        let two = source("crates/passsafe-cli/src/b.rs", REASONED);
        let elsewhere = source("crates/passsafe-client/src/a.rs", REASONED);
        let findings = check(&[one, two, elsewhere]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("crates/passsafe-cli/src/b.rs:2: "));
    }

    #[test]
    fn it_needs_a_reason_in_the_header() {
        for text in
            ["//! Calls g.\nfn f() { unsafe { g() } }", "//! A.\n#[unsafe(no_mangle)]\nfn f() {}"]
        {
            assert_eq!(check(&[source("crates/passsafe-cli/src/a.rs", text)]).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_word_alone_is_no_code() {
        let text = "//! A.\n#![forbid(unsafe_code)]\n// unsafe\nconst A: &str = \"unsafe\";";
        assert!(check(&[source("crates/passsafe-core/src/lib.rs", text)]).is_empty());
    }
}
