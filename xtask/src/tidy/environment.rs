//! The libraries do not read the environment: what they need is an argument. In the Python
//! package one file does, and tests of its own see to that.

use super::shipped::shipped;
use super::source::{Source, Token, starts_with};

const LIBRARIES: [&str; 5] = [
    "crates/passsafe-core",
    "crates/passsafe-peer",
    "crates/passsafe-server",
    "crates/passsafe-client",
    "crates/passsafe-python",
];
const READERS: [&str; 5] = ["var", "var_os", "vars", "vars_os", "*"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    let in_library = |source: &Source| LIBRARIES.contains(&source.crate_folder());
    for (source, tokens) in shipped(sources).filter(|(source, _)| in_library(source)) {
        for (at, Token { line, .. }) in tokens.iter().enumerate() {
            if reads_environment(tokens.get(at..).unwrap_or_default()) {
                findings.push(source.finding(*line, "a library may not read the environment"));
            }
        }
    }
    findings
}

/// `env::var`, `env::{…, var}` and `env as …`, which would hide the former.
fn reads_environment(tokens: &[Token]) -> bool {
    let is_reader = |token: &Token| READERS.contains(&token.text.as_str());
    if starts_with(tokens, &["env", ":", ":", "{"]) {
        tokens.iter().skip(4).take_while(|token| token.text != "}").any(is_reader)
    } else if starts_with(tokens, &["env", ":", ":"]) {
        tokens.get(3).is_some_and(is_reader)
    } else {
        starts_with(tokens, &["env", "as"])
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn every_way_to_read_a_variable_is_found() {
        for text in [
            "fn f() { std::env::var(\"A\"); }",
            "fn f() { env::var_os(\"A\"); }",
            "use std::env::vars;",
            "use std::{env::vars_os, fs};",
            "use std::env::{self, var};",
            "use std::env::*;",
            "use std::env as surroundings;",
        ] {
            for folder in LIBRARIES {
                let file = source(&format!("{folder}/src/a.rs"), text);
                assert_eq!(check(&[file]).len(), 1, "{folder}: {text}");
            }
        }
    }

    #[test]
    fn what_the_compiler_reads_and_what_a_binary_reads_is_not() {
        for (path, text) in [
            ("crates/passsafe-core/src/a.rs", "const A: &str = env!(\"CARGO_PKG_VERSION\");"),
            ("crates/passsafe-core/src/a.rs", "// std::env::var(\"A\")"),
            ("crates/passsafe-client/src/a.rs", "fn f() { std::env::temp_dir(); }"),
            ("crates/passsafe-client/tests/a.rs", "fn f() { std::env::var(\"A\"); }"),
            ("crates/passsafe-cli/src/main.rs", "fn f() { std::env::var(\"A\"); }"),
        ] {
            assert!(check(&[source(path, text)]).is_empty(), "{path}: {text}");
        }
    }
}
