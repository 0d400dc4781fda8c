//! The code of a crate that its users run: its `src`, without what is compiled for tests
//! only.

use super::source::{Source, Token, starts_with};

const TESTS_ONLY: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// Each file of a `src` that ships, with the tokens of it that do.
pub(super) fn shipped(sources: &[Source]) -> impl Iterator<Item = (&Source, Vec<Token>)> {
    let modules: Vec<String> = sources.iter().flat_map(tests_only_modules).collect();
    sources
        .iter()
        .filter(|source| source.is_in_src())
        .filter(move |source| {
            modules.iter().all(|module| {
                let behind = source.path.strip_prefix(module.as_str());
                behind.is_none_or(|behind| behind != ".rs" && !behind.starts_with('/'))
            })
        })
        .map(|source| (source, without_tests(source.tokens())))
}

/// Where the modules are that a file declares as `#[cfg(test)] mod name;`, without `.rs`.
fn tests_only_modules(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs");
    let folder = ["/lib", "/main"].iter().find_map(|root| stem.strip_suffix(root)).unwrap_or(stem);
    let tokens = source.tokens();
    let mut modules = Vec::new();
    for at in 0..tokens.len() {
        let rest = tokens.get(at..).unwrap_or_default();
        if let (true, Some([word, name, end])) =
            (starts_with(rest, &TESTS_ONLY), rest.get(TESTS_ONLY.len()..TESTS_ONLY.len() + 3))
            && word.text == "mod"
            && end.text == ";"
        {
            modules.push(format!("{folder}/{}", name.text));
        }
    }
    modules
}

/// Leaves out each item behind `#[cfg(test)]`, and where its end is in doubt, too little.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut shipped = Vec::new();
    let mut rest = tokens.into_iter();
    while !rest.as_slice().is_empty() {
        let skipped = if starts_with(rest.as_slice(), &TESTS_ONLY) {
            let item = rest.as_slice().get(TESTS_ONLY.len()..).unwrap_or_default();
            TESTS_ONLY.len() + item_len(item)
        } else {
            0
        };
        if skipped > 0 {
            rest.nth(skipped - 1);
        } else {
            shipped.extend(rest.next());
        }
    }
    shipped
}

/// Tokens up to the item's `;`, `,` or closing brace.
fn item_len(tokens: &[Token]) -> usize {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at,
            "}" if depth == 1 => return at + 1,
            ")" | "]" | "}" => depth -= 1,
            ";" | "," if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    fn words(text: &str) -> String {
        let files = [source("crates/a/src/lib.rs", text)];
        let (_, tokens) = shipped(&files).next().unwrap();
        tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn items_for_tests_are_left_out_and_what_follows_is_not() {
        assert_eq!(words("a; #[cfg(test)] mod tests { fn x() { y(); } } b;"), "a ; b ;");
        assert_eq!(words("#[cfg(test)] #[inline] fn x(a: A) -> [u8; 2] { y } b;"), "b ;");
        assert_eq!(words("#[cfg(test)] use x::Y; b;"), "b ;");
        assert_eq!(words("struct A { #[cfg(test)] x: u8, b: u8 }"), "struct A { b : u8 }");
        assert_eq!(words("struct A { b: u8, #[cfg(test)] x: u8 } c;"), "struct A { b : u8 , } c ;");
        assert_eq!(words("#[cfg(not(test))] b;"), "# [ cfg ( not ( test ) ) ] b ;");
    }

    #[test]
    fn modules_for_tests_are_left_out_with_all_below_them() {
        let files = [
            source("crates/a/src/lib.rs", "#[cfg(test)] mod testing; mod safe;"),
            source("crates/a/src/safe.rs", "#[cfg(test)]\nmod tests;"),
            source("crates/a/src/safe/tests.rs", ""),
            source("crates/a/src/testing.rs", ""),
            source("crates/a/src/testing/clock.rs", ""),
            source("crates/a/src/testing_ground.rs", ""),
            source("crates/a/src/tests.rs", ""),
            source("crates/a/tests/t.rs", ""),
            source("crates/b/src/testing.rs", ""),
        ];
        let paths: Vec<_> = shipped(&files).map(|(source, _)| source.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "crates/a/src/lib.rs",
                "crates/a/src/safe.rs",
                "crates/a/src/testing_ground.rs",
                "crates/a/src/tests.rs",
                "crates/b/src/testing.rs"
            ]
        );
    }
}
