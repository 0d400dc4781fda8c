//! Whoever serves a record cannot open it: passsafe-server does not even name what it
//! would take. Its tests may: they seal what they serve.

use super::shipped::shipped;
use super::source::{Source, Token, starts_with};

const FOLDER: &str = "crates/passsafe-server";
const FORBIDDEN_NAMES: [&str; 6] =
    ["Secret", "SecretText", "Passphrase", "RecordKey", "Entries", "derive_key"];
const OPENINGS: [&[&str]; 2] = [&[".", "open", "("], &["SealedRecord", ":", ":", "open"]];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for (source, tokens) in shipped(sources).filter(|(file, _)| file.crate_folder() == FOLDER) {
        for (at, Token { text, line }) in tokens.iter().enumerate() {
            if FORBIDDEN_NAMES.contains(&text.as_str()) {
                findings.push(source.finding(*line, &format!("the server may not name `{text}`")));
            }
            let rest = tokens.get(at..).unwrap_or_default();
            if OPENINGS.iter().any(|opening| starts_with(rest, opening)) {
                findings.push(source.finding(*line, "the server may not open anything"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    fn findings(text: &str) -> usize {
        check(&[source("crates/passsafe-server/src/safe.rs", text)]).len()
    }

    #[test]
    fn naming_or_opening_a_secret_is_found() {
        for text in [
            "use passsafe_core::Secret;",
            "use passsafe_core::{SealedRecord, SecretText};",
            "fn f(_: &passsafe_core::Passphrase) {}",
            "type K = RecordKey;",
            "fn f() -> Entries { x }",
            "fn f() { record.open(&key); }",
            "fn f() { record\n    .open (&key); }",
            "fn f() { SealedRecord::open(&record, &key); }",
            "fn f() { record.derive_key(a, b, c); }",
            "fn f() { println!(\"{}\", record.r#open(key)); }",
        ] {
            assert_eq!(findings(text), 1, "{text}");
        }
    }

    #[test]
    fn look_alikes_are_not() {
        for text in [
            "use passsafe_core::{SealedRecord, wire::SECRET_PATH};",
            "//! Never sees a Secret.\n/// Not even `record.open(key)`.\nfn f() {}",
            "const A: &str = \"Secret\";",
            "enum State { Open }\nfn open(safe: Safe) { open(safe) }",
        ] {
            assert_eq!(findings(text), 0, "{text}");
        }
        let client = source("crates/passsafe-client/src/lib.rs", "use passsafe_core::Secret;");
        let test = source("crates/passsafe-server/tests/http.rs", "use passsafe_core::Secret;");
        assert!(check(&[client, test]).is_empty());
        assert_eq!(findings("#[cfg(test)] mod tests { use passsafe_core::Secret; }"), 0);
    }
}
