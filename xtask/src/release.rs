//! A release, up to what only a person may do: nothing here pushes or publishes.
//!
//! It is tried in a copy of the commit, below `target/`; with `--execute` the same is done to
//! the working tree and committed.

use std::fs;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use cargo_metadata::semver::Version;
use regex::Regex;

use crate::checkout::{Checkout, git};
use crate::published;
use crate::repository::{Repository, run, said};

const COPY: &str = "target/release-copy";
const BRANCH: &str = "main";
const CHANGELOG: &str = "CHANGELOG.md";
const UNRELEASED: &str = "## Unreleased\n";

/// What `cargo xtask release` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The new version.
    version: Version,
    /// Change and commit the working tree; without it, only a copy below `target/`.
    #[arg(long)]
    execute: bool,
}

/// Checks, bumps, tests, packages, and says what is left.
pub(crate) fn release(repository: &Repository, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { version, execute } = arguments;
    if let Err(error) = is_ready(repository, version) {
        // A try shows all the rest too.
        ensure!(!execute, "not ready: {error:#}");
        eprintln!("NOT READY: {error:#}");
    }
    let copy = Checkout::new(repository, COPY, "HEAD")?;
    // The copy builds into the same folder, or everything would be built again.
    std::os::unix::fs::symlink(repository.path("target"), copy.tree.path("target"))?;
    let tree = if *execute { repository } else { &copy.tree };
    change(tree, version)?;
    run(tree.cargo(&["xtask", "test"]))?;
    published::package(tree, "target/packages", true)?;
    let mut commit = git(tree, &["commit", "--quiet", "--all", "--message"]);
    commit.arg(format!("Release {version}"));
    run(commit)?;
    run(tree.cargo(&["xtask", "dist"]))?;
    println!("\n{}", left_to_do(version, *execute));
    Ok(())
}

/// What must hold of the working tree before anything is changed.
fn is_ready(repository: &Repository, version: &Version) -> anyhow::Result<()> {
    let dirty = said(git(repository, &["status", "--porcelain"]))?;
    ensure!(dirty.is_empty(), "the working tree has changes that are not committed");
    let branch = said(git(repository, &["rev-parse", "--abbrev-ref", "HEAD"]))?;
    ensure!(branch == BRANCH, "this is {branch}, and releases are made of {BRANCH}");
    let tags = said(git(repository, &["tag", "--list", &format!("v{version}")]))?;
    ensure!(tags.is_empty(), "{version} has been released");
    // The first release is that of the version which stands there.
    let newer = published::all(repository)?.into_iter().find(|one| one.version > *version);
    ensure!(newer.is_none(), "{version} is below the version that stands there");
    Ok(())
}

/// Versions, requirements, locks and the changelog. (The Python package takes its version of the
/// crate.)
fn change(tree: &Repository, version: &Version) -> anyhow::Result<()> {
    let edit = |path: &str, change: &dyn Fn(&str) -> anyhow::Result<String>| {
        let text = fs::read_to_string(tree.path(path)).with_context(|| path.to_owned())?;
        anyhow::Ok(fs::write(tree.path(path), change(&text).with_context(|| path.to_owned())?)?)
    };
    edit("Cargo.toml", &|text| workspace(text, version))?;
    for path in said(git(tree, &["ls-files", "*.md"]))?.lines().filter(|path| *path != CHANGELOG) {
        edit(path, &|text| document(text, version))?;
    }
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let (date, _) = now.split_once('T').context("a time without a date")?;
    edit(CHANGELOG, &|text| changelog(text, version, date))?;
    run(tree.cargo(&["update", "--quiet", "--workspace"]))?;
    run(tree.cargo(&["update", "--quiet", "--workspace", "--manifest-path", "fuzz/Cargo.toml"]))
}

/// The workspace's version, and what its crates require of each other.
fn workspace(text: &str, version: &Version) -> anyhow::Result<String> {
    let ours = Regex::new(r#"(?m)^(version = |\S+ = \{ path = "crates/.*version = )"[^"]*""#)?;
    ensure!(ours.find_iter(text).count() > 1, "no version and requirements of ours");
    Ok(ours.replace_all(text, format!("${{1}}\"{version}\"")).into_owned())
}

/// `passsafe-… = "0.1"` in a document becomes what the version asks for.
fn document(text: &str, version: &Version) -> anyhow::Result<String> {
    let required = match (version.major, version.pre.is_empty()) {
        (_, false) => version.to_string(),
        (0, _) => format!("0.{}", version.minor),
        (major, _) => major.to_string(),
    };
    let ours = Regex::new(r#"(?m)^(passsafe-[a-z]+ = )"[^"]*""#)?;
    Ok(ours.replace_all(text, format!("${{1}}\"{required}\"")).into_owned())
}

/// The unreleased section gets version and date, and a new one is opened above it.
fn changelog(text: &str, version: &Version, date: &str) -> anyhow::Result<String> {
    let (before, behind) = text.split_once(UNRELEASED).context("no section `## Unreleased`")?;
    let section = behind.split("\n## ").next().unwrap_or_default();
    ensure!(section.contains("\n- "), "the section `## Unreleased` says nothing");
    ensure!(!text.contains(&format!("\n## {version} ")), "{version} has a section already");
    Ok(format!("{before}{UNRELEASED}\n## {version} - {date}\n{behind}"))
}

/// For a person, who alone has the accounts and the last word.
fn left_to_do(version: &Version, executed: bool) -> String {
    let first = if executed {
        "read the commit: git show".to_owned()
    } else {
        format!("this was a try; do it: cargo xtask release {version} --execute")
    };
    format!(
        "Left for a person, in this order:\n\n\
         \x20 {first}\n\
         \x20 cargo xtask dist --check\n\
         \x20 git tag --sign v{version} --message 'passsafe {version}'\n\
         \x20 git push origin {BRANCH} v{version}\n\n\
         and wait for the workflows; the files that `release` has attested are those to give out, and\n\
         have the checksums of target/dist/SHA256SUMS. What is published cannot be taken back:\n\n\
         \x20 cargo publish --locked --workspace\n\
         \x20 python3 -m twine upload target/dist/passsafe_client-{version}*.whl target/dist/passsafe_client-{version}.tar.gz\n\n\
         then give out on the page of the release: the rest of target/dist, and the section of\n\
         CHANGELOG.md. Before the first release: `repository` in Cargo.toml, which nobody knows\n\
         before there is a public one (`cargo package` warns of it), and a look at whether the\n\
         names of the crates and of the Python package are free.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_versions_move_and_nothing_else_does() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\" # kept\nrust-version = \"0.1.0\"\n\
            a = { path = \"crates/a\", version = \"0.1.0\", x = \"0.1.0\" }\n\
            other = { version = \"0.1.0\" }\nplain = \"0.1.0\"\n";
        let version = Version::new(0, 2, 0);
        let expected = manifest
            .replace("\nversion = \"0.1.0\"", "\nversion = \"0.2.0\"")
            .replace("crates/a\", version = \"0.1.0\"", "crates/a\", version = \"0.2.0\"");
        assert_eq!(workspace(manifest, &version).unwrap(), expected);
        assert!(workspace("[workspace.package]\nversion = \"1.0.0\"\n", &version).is_err());
    }

    #[test]
    fn documents_require_what_is_compatible() {
        let text = "passsafe-core = \"0.1\"\npasssafe-client = \"0.1\" # x\nring = \"0.17\"\n";
        let required = |version: &str| document(text, &version.parse().unwrap()).unwrap();
        assert_eq!(required("0.2.7"), text.replace("\"0.1\"", "\"0.2\""));
        assert_eq!(required("1.2.3"), text.replace("\"0.1\"", "\"1\""));
        assert_eq!(required("0.2.0-rc.1"), text.replace("\"0.1\"", "\"0.2.0-rc.1\""));
    }

    #[test]
    fn the_unreleased_section_gets_its_version_once_and_if_it_says_something() {
        let text = "# C\n\n## Unreleased\n\n### Added\n\n- A.\n\n## 0.1.0 - 2026-01-02\n\n- x\n";
        let closed = changelog(text, &Version::new(0, 2, 0), "2026-11-20").unwrap();
        let expected = text.replace("Unreleased\n", "Unreleased\n\n## 0.2.0 - 2026-11-20\n");
        assert_eq!(closed, expected);
        assert!(changelog(&closed, &Version::new(0, 3, 0), "2026-11-21").is_err());
        assert!(changelog(text, &Version::new(0, 1, 0), "2026-11-21").is_err());
        assert!(changelog("# C\n", &Version::new(0, 1, 0), "2026-11-21").is_err());
    }
}
