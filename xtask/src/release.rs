//! A release, up to what only a person may do: nothing here pushes or publishes.
//!
//! It is tried in a copy of the commit, below `target/`; with `--execute` the same is done to
//! the working tree and committed.

mod bump;
mod changelog;

use std::fs;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use cargo_metadata::semver::Version;

use crate::checkout::{Checkout, git, said};
use crate::published::{self, Published};
use crate::repository::{Repository, run};
use crate::stranger;

const COPY: &str = "target/release-copy";
const BRANCH: &str = "main";
const CHANGELOG: &str = "CHANGELOG.md";

/// What `cargo xtask release` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The new version.
    version: Version,
    /// Change and commit the working tree; without it, only a copy below `target/`.
    #[arg(long)]
    execute: bool,
    /// Leave out the gate, which takes the longest, to look at the rest.
    #[arg(long, conflicts_with = "execute")]
    without_gate: bool,
}

/// Checks, bumps, tests, packages, and says what is left.
pub(crate) fn release(repository: &Repository, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { version, execute, without_gate } = arguments;
    if let Err(error) = is_ready(repository, version) {
        // A try shows all the rest too.
        ensure!(!execute, "not ready: {error:#}");
        eprintln!("NOT READY: {error:#}");
    }
    let copy = Checkout::new(repository, COPY, "HEAD")?;
    share_target(repository)?;
    let tree = if *execute { repository } else { &copy.tree };
    change(tree, version)?;
    let crates = published::all(tree)?;
    if !without_gate {
        run(tree.cargo(&["xtask", "test"]))?;
    }
    stranger::package(tree, &crates, true)?;
    println!("{} crates are packaged, and each builds from its file", crates.len());
    commit(tree, version)?;
    run(tree.cargo(&["xtask", "dist"]))?;
    println!("\n{}", left_to_do(&crates, version, *execute));
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
    is_next(&published::all(repository)?, version)
}

fn is_next(crates: &[Published], version: &Version) -> anyhow::Result<()> {
    for one in crates {
        let current: Version = one.version.parse()?;
        // The first release is that of the version which stands there.
        ensure!(*version >= current, "{version} is below {current}, the version of {}", one.name);
    }
    Ok(())
}

/// The copy builds into the same folder, or everything would be built again.
fn share_target(repository: &Repository) -> anyhow::Result<()> {
    let link = repository.path(COPY).join("target");
    std::os::unix::fs::symlink(repository.path("target"), &link)
        .with_context(|| format!("cannot make {}", link.display()))
}

/// Versions, requirements, locks and the changelog.
fn change(tree: &Repository, version: &Version) -> anyhow::Result<()> {
    let edit = |path: &str, change: &dyn Fn(&str) -> anyhow::Result<String>| {
        let file = tree.path(path);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
        let changed = change(&text).with_context(|| path.to_owned())?;
        fs::write(&file, changed).with_context(|| format!("cannot write {path}"))
    };
    edit("Cargo.toml", &|text| bump::workspace(text, version))?;
    if tree.path(bump::PYTHON).exists() {
        edit(bump::PYTHON, &|text| bump::python(text, version))?;
    }
    for document in said(git(tree, &["ls-files", "*.md"]))?.lines() {
        if document != CHANGELOG {
            edit(document, &|text| Ok(bump::document(text, version)))?;
        }
    }
    edit(CHANGELOG, &|text| changelog::close(text, version, &today()))?;
    run(tree.cargo(&["update", "--quiet", "--workspace"]))?;
    run(tree.cargo(&["update", "--quiet", "--workspace", "--manifest-path", "fuzz/Cargo.toml"]))
}

fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.chars().take("2026-11-20".len()).collect()
}

fn commit(tree: &Repository, version: &Version) -> anyhow::Result<()> {
    let mut commit = git(tree, &["commit", "--quiet", "--all", "--message"]);
    commit.arg(format!("Release {version}"));
    run(commit)
}

/// For a person, who alone has the accounts and the last word.
fn left_to_do(crates: &[Published], version: &Version, executed: bool) -> String {
    let publish =
        crates.iter().map(|one| format!("  cargo publish --locked --package {}", one.name));
    let publish = publish.collect::<Vec<_>>().join("\n");
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
         and wait for the workflow; what is published cannot be taken back:\n\n\
         {publish}\n\
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
    fn a_version_that_is_behind_is_refused() {
        let crates = published::all(&Repository::from_env()).unwrap();
        let current: Version = crates[0].version.parse().unwrap();
        let next = Version::new(current.major, current.minor, current.patch + 1);
        is_next(&crates, &current).unwrap();
        is_next(&crates, &next).unwrap();
        assert!(is_next(&crates, &Version::new(0, 0, 9)).is_err());
    }

    #[test]
    fn what_is_left_publishes_each_crate_behind_those_it_needs() {
        let crates = published::all(&Repository::from_env()).unwrap();
        let left = left_to_do(&crates, &Version::new(1, 2, 3), true);
        let at =
            |name: &str| left.find(&format!("cargo publish --locked --package {name}\n")).unwrap();
        assert!(at("passsafe-core") < at("passsafe-client"));
        assert!(at("passsafe-client") < at("passsafe-cli"));
        assert!(left.contains("git push origin main v1.2.3"));
    }

    #[test]
    fn today_is_a_date() {
        let today = today();
        assert!(today.len() == 10 && today.split('-').count() == 3, "{today}");
    }
}
