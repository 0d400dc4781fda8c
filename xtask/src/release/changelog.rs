//! The changelog's unreleased section becomes that of a version.

use anyhow::{Context as _, ensure};
use cargo_metadata::semver::Version;

const UNRELEASED: &str = "## Unreleased\n";

/// Gives the section version and date, and opens a new one above it.
pub(super) fn close(text: &str, version: &Version, date: &str) -> anyhow::Result<String> {
    let (before, behind) = text.split_once(UNRELEASED).context("no section `## Unreleased`")?;
    let section = behind.split("\n## ").next().unwrap_or_default();
    let says_something = section.lines().any(|line| line.starts_with("- "));
    ensure!(says_something, "the section `## Unreleased` says nothing");
    ensure!(
        !text.contains(&format!("\n## {version} ")),
        "there is a section for {version} already"
    );
    Ok(format!("{before}{UNRELEASED}\n## {version} - {date}\n{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_gets_its_version_and_a_new_one_is_opened() {
        let text = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-01-02\n\n- x\n";
        let closed = close(text, &Version::new(0, 2, 0), "2026-11-20").unwrap();
        assert_eq!(
            closed,
            "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-20\n\n### Added\n\n- A thing.\n\n\
             ## 0.1.0 - 2026-01-02\n\n- x\n"
        );
        // Nothing has been added since, and what is older does not count.
        assert!(close(&closed, &Version::new(0, 3, 0), "2026-11-21").is_err());
    }

    #[test]
    fn a_version_that_has_a_section_and_a_text_without_one_are_refused() {
        let text = "## Unreleased\n\n- y\n\n## 0.1.0 - 2026-01-02\n\n- x\n";
        assert!(close(text, &Version::new(0, 1, 0), "2026-11-20").is_err());
        assert!(close("# Changelog\n", &Version::new(0, 1, 0), "2026-11-20").is_err());
    }
}
