//! Rust files as the rules see them: path, text, and tokens without comments and strings.

use std::fs;

use anyhow::Context as _;
use ignore::WalkBuilder;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::repository::Repository;

/// A Rust file of the repository.
pub(super) struct Source {
    /// Relative to the root, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

/// A token and the line it stands on. Delimiters are tokens of their own; what a string
/// says is left out.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Source {
    /// The folder of the crate that the file belongs to.
    pub(super) fn crate_folder(&self) -> &str {
        let folders = if self.path.starts_with("crates/") { 2 } else { 1 };
        let end = self.path.match_indices('/').nth(folders - 1).map_or(0, |(at, _)| at);
        self.path.get(..end).unwrap_or_default()
    }

    /// Whether it is compiled into the crate itself, as tests and examples are not.
    pub(super) fn is_in_src(&self) -> bool {
        self.path
            .strip_prefix(self.crate_folder())
            .is_some_and(|inside| inside.starts_with("/src/"))
    }

    /// The comment lines that open the file.
    pub(super) fn header(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| line.starts_with("//!"))
    }

    /// All tokens in order. A file that is no Rust has none: the compiler says so better.
    pub(super) fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        flatten(self.text.parse().unwrap_or_default(), &mut tokens);
        tokens
    }

    /// A finding at a line of this file.
    pub(super) fn finding(&self, line: usize, message: &str) -> String {
        format!("{}:{line}: {message}", self.path)
    }
}

/// Whether the tokens start with these.
pub(super) fn starts_with(tokens: &[Token], expected: &[&str]) -> bool {
    tokens.len() >= expected.len()
        && tokens.iter().zip(expected).all(|(token, expected)| token.text == *expected)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let mut push = |text: &str, line| tokens.push(Token { text: text.to_owned(), line });
        match tree {
            TokenTree::Ident(name) => {
                push(name.to_string().trim_start_matches("r#"), name.span().start().line);
            }
            TokenTree::Punct(mark) => {
                push(&mark.as_char().to_string(), mark.span().start().line);
            }
            TokenTree::Literal(literal) => push("literal", literal.span().start().line),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open, group.span_open().start().line);
                flatten(group.stream(), tokens);
                tokens
                    .push(Token { text: close.to_owned(), line: group.span_close().start().line });
            }
        }
    }
}

/// Every Rust file that git would see.
pub(super) fn all(repository: &Repository) -> anyhow::Result<Vec<Source>> {
    let root = repository.path("");
    let mut sources = Vec::new();
    for entry in WalkBuilder::new(&root).require_git(false).build() {
        let entry = entry?;
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(entry.path())
            .with_context(|| format!("cannot read {}", entry.path().display()))?;
        let relative = entry.path().strip_prefix(&root)?;
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        sources.push(Source { path: parts.join("/"), text });
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

#[cfg(test)]
pub(super) fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_tokens() {
        let file =
            source("crates/a/src/lib.rs", "//! Secret\n// Secret\nconst A: &str = \"Secret\";");
        assert!(file.tokens().iter().all(|token| token.text != "Secret"));
        assert!(file.tokens().iter().any(|token| token.text == "A" && token.line == 3));
    }

    #[test]
    fn a_file_knows_its_crate() {
        let inside = source("crates/a/src/b/c.rs", "");
        assert_eq!((inside.crate_folder(), inside.is_in_src()), ("crates/a", true));
        let test = source("crates/a/tests/src/b.rs", "");
        assert_eq!((test.crate_folder(), test.is_in_src()), ("crates/a", false));
        let chore = source("xtask/src/main.rs", "");
        assert_eq!((chore.crate_folder(), chore.is_in_src()), ("xtask", true));
        assert_eq!(source("build.rs", "").crate_folder(), "");
    }

    #[test]
    fn this_file_is_found_and_build_output_is_not() {
        let sources = all(&Repository::from_env()).unwrap();
        assert!(sources.iter().any(|source| source.path == "xtask/src/tidy/source.rs"));
        assert!(!sources.iter().any(|source| source.path.starts_with("target/")));
    }
}
