//! A commit in a folder of its own, so that what is made of it is made of nothing else, and
//! the working tree stays as it is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::repository::{Repository, run};

/// A worktree of git below `target/`, gone when dropped.
pub(crate) struct Checkout<'a> {
    from: &'a Repository,
    folder: PathBuf,
    pub(crate) tree: Repository,
}

impl<'a> Checkout<'a> {
    /// Checks `commit` out into `folder`, which is replaced.
    pub(crate) fn new(from: &'a Repository, folder: &str, commit: &str) -> anyhow::Result<Self> {
        let path = from.path(folder);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        run(git(from, &["worktree", "prune"]))?;
        let mut add = git(from, &["worktree", "add", "--quiet", "--detach"]);
        add.arg(&path).arg(commit);
        run(add)?;
        Ok(Self { from, tree: from.at(path.clone()), folder: path })
    }
}

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        let mut remove = git(self.from, &["worktree", "remove", "--force"]);
        remove.arg(&self.folder);
        if let Err(error) = run(remove) {
            eprintln!("{error:#}");
        }
    }
}

/// A `git` at the root.
pub(crate) fn git(repository: &Repository, arguments: &[&str]) -> Command {
    let mut git = repository.command("git");
    git.args(arguments);
    git
}
