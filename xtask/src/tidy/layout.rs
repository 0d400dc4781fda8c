//! How files of a crate's `src` are laid out: a header each, a bounded length, no `mod.rs`.

use super::source::Source;

/// Lines before the tests. Beyond, a file has a second responsibility.
const MAX_LINES: usize = 400;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_in_src()) {
        if source.header().next().is_none() {
            findings.push(source.finding(1, "starts with no `//!` that says what it is for"));
        }
        let lines = lines_before_tests(&source.text);
        if lines > MAX_LINES {
            let message = format!("{lines} lines before the tests, more than {MAX_LINES}");
            findings.push(source.finding(MAX_LINES, &message));
        }
        if source.path.ends_with("/mod.rs") {
            findings.push(source.finding(1, "is a mod.rs: name it after its folder, beside it"));
        }
    }
    findings
}

/// Counts up to the tests' module; a single item for tests further up does not end the count.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| matches!(pair, ["#[cfg(test)]", next] if next.starts_with("mod ")))
        .unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn a_file_without_a_header_is_found() {
        let files = [
            source("crates/a/src/lib.rs", "use b;\n//! late"),
            source("xtask/src/main.rs", ""),
            source("crates/a/tests/t.rs", "use b;"),
            source("crates/a/src/good.rs", "//! For good."),
        ];
        let findings = check(&files);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("crates/a/src/lib.rs:1: "));
    }

    #[test]
    fn a_file_of_401_lines_is_found_and_tests_do_not_count() {
        let header = "//! Long.\n";
        let long = |lines: usize, end: &str| {
            source("crates/a/src/a.rs", &(header.to_owned() + &"\n".repeat(lines - 1) + end))
        };
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(500));
        assert!(check(&[long(400, "")]).is_empty());
        assert!(check(&[long(400, &tests)]).is_empty());
        assert_eq!(check(&[long(401, "")]).len(), 1);
        assert_eq!(check(&[long(401, &tests)]).len(), 1);
        let helper_first = source(
            "crates/a/src/a.rs",
            &format!("{header}#[cfg(test)]\nfn helper() {{}}\n{}", "\n".repeat(400)),
        );
        assert_eq!(check(&[helper_first]).len(), 1);
    }

    #[test]
    fn a_mod_file_is_found() {
        assert_eq!(check(&[source("crates/a/src/b/mod.rs", "//! B.")]).len(), 1);
    }
}
