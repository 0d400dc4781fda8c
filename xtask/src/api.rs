//! The public interface of each library, listed in `docs/api`, so that a change of it is seen
//! in review.
//!
//! It is read from the source text, not from rustdoc: that one's output for programs is
//! unstable, and would tie the gate to one version of the compiler. What the compiler infers
//! is therefore not listed; `tests/auto_traits.rs` of the crates holds that.

mod krate;
mod listing;

use std::fs;

use anyhow::{Context as _, ensure};

pub(crate) use krate::{attributes, imports};

use crate::published;
use crate::repository::Repository;

const FOLDER: &str = "docs/api";
/// Enums that programs may match without a rest, because they cannot grow.
const CLOSED: [&str; 6] = [
    // The two ways a Unix and a TCP connection come in; a third would change every caller.
    "passsafe_server::Listener",
    "passsafe_server::SocketMode",
    // Who matches these decides about access, and must see each answer.
    "passsafe_peer::Owner",
    "passsafe_peer::Source",
    "passsafe_peer::process::Holder",
    // The answers to one question, which programs give and never read.
    "passsafe_server::Decision",
];

/// Writes the lists.
pub(crate) fn write(repository: &Repository) -> anyhow::Result<()> {
    fs::create_dir_all(repository.path(FOLDER))?;
    for (path, list) in lists(repository)? {
        fs::write(repository.path(&path), list).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails if the lists are not what would be written: a step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let (mut changed, mut closed) = (0, 0);
    for (path, list) in lists(repository)? {
        let listed = fs::read_to_string(repository.path(&path)).unwrap_or_default();
        for line in list.lines().filter(|line| !listed.lines().any(|other| other == *line)) {
            eprintln!("{path}: + {line}");
        }
        for line in listed.lines().filter(|line| !list.lines().any(|other| other == *line)) {
            eprintln!("{path}: - {line}");
        }
        changed += u32::from(listed != list);
        for name in may_not_grow(&list).filter(|name| !CLOSED.contains(name)) {
            eprintln!(
                "{path}: {name} is neither #[non_exhaustive] nor in xtask's list of closed enums"
            );
            closed += 1;
        }
    }
    ensure!(closed == 0, "enums that may have to grow: {closed}");
    ensure!(
        changed == 0,
        "the interface has changed: see docs/compatibility.md, then `cargo xtask api`"
    );
    Ok(())
}

fn lists(repository: &Repository) -> anyhow::Result<Vec<(String, String)>> {
    let libraries = published::all(repository)?.into_iter();
    libraries
        .filter(|library| library.folder.join("src/lib.rs").exists())
        .map(|library| {
            let root = library.folder.join("src/lib.rs");
            let krate = krate::Krate::read(&root).with_context(|| library.name.clone())?;
            Ok((format!("{FOLDER}/{}.txt", library.name), listing::list(&library.name, &krate)))
        })
        .collect()
}

/// The enums of a list that are not `#[non_exhaustive]`.
fn may_not_grow(list: &str) -> impl Iterator<Item = &str> {
    let pairs = list.lines().zip(list.lines().skip(1));
    pairs
        .filter(|(_, head)| head.contains("pub enum ") && !head.contains("non_exhaustive"))
        .map(|it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enum_that_may_not_grow_is_found() {
        let list = "\na::B\n    pub enum B\n\na::C\n    #[non_exhaustive] pub enum C\n";
        assert_eq!(may_not_grow(list).collect::<Vec<_>>(), ["a::B"]);
    }
}
