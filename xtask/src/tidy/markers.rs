//! Nothing unfinished is left in the code, and no test is skipped.

use super::source::Source;

/// Spelled in halves, so that this file does not find itself.
const MARKERS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[", "ignore"), concat!("```", "ignore")];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (number, line) in (1..).zip(source.text.lines()) {
            for marker in MARKERS.iter().filter(|marker| line.contains(**marker)) {
                findings.push(source.finding(number, &format!("`{marker}` is left in the code")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn each_marker_is_found_wherever_it_stands() {
        for marker in MARKERS {
            let file = source("crates/a/tests/t.rs", &format!("//! T.\n    // {marker} later\n"));
            let findings = check(&[file]);
            assert_eq!(findings.len(), 1, "{marker}");
            assert!(findings[0].starts_with("crates/a/tests/t.rs:2: "));
        }
        assert!(check(&[source("crates/a/src/lib.rs", "//! Nothing to do.")]).is_empty());
    }
}
