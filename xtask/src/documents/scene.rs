//! What a document's blocks are run in: a safe on the example's port, its credentials, and
//! the programs that the examples start.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use regex::{Captures, Regex};
use rexpect::session::PtySession;
use tempfile::TempDir;

use super::network::Network;
use super::rust::Programs;
use crate::binary;
use crate::repository::Repository;

/// The password of the examples.
pub(super) const SECRET: &str = "S3kr!t";
/// What the examples start besides: each says whether it was given the password.
const PSQL: &str = "#!/bin/sh\n[ \"$PGPASSWORD\" = 'S3kr!t' ]\n";

pub(super) struct Scene<'a> {
    pub(super) repository: &'a Repository,
    pub(super) network: &'a Network,
    pub(super) programs: &'a Programs,
    /// The command, and stand-ins.
    folder: TempDir,
    words: BTreeSet<String>,
    /// Of the safe that a console block has left open.
    pub(super) open: Option<Open>,
}

/// A safe, and the terminal in which it serves.
pub(super) struct Open {
    pub(super) passphrase: String,
    pub(super) token: String,
    pub(super) url: String,
    /// Held for what it does when dropped: the safe is hung up on.
    pub(super) _terminal: PtySession,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        network: &'a Network,
        programs: &'a Programs,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        fs::copy(binary::debug(repository)?, folder.path().join("passsafe"))?;
        let psql = folder.path().join("psql");
        fs::write(&psql, PSQL)?;
        fs::set_permissions(&psql, fs::Permissions::from_mode(0o755))?;
        let list = fs::read_to_string(repository.path("wordlists/eff_large_wordlist.txt"))?;
        let words = list.split_whitespace().filter(|word| !word.starts_with(char::is_numeric));
        let words = words.map(str::to_owned).collect();
        Ok(Self { repository, network, programs, folder, words, open: None })
    }

    /// A program of the examples, in the network, with the open safe's credentials at hand.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = self.network.command(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.folder.path().display()));
        command.env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.env("NO_COLOR", "1").env("TERM", "xterm").env("PW", SECRET);
        if let Some(Open { url, token, .. }) = &self.open {
            command.env("url", url).env("token", token);
        }
        command
    }

    /// The credentials, for what finds them in its environment.
    pub(super) fn with_credentials(&mut self, command: &mut Command) -> anyhow::Result<()> {
        let Open { url, token, passphrase, .. } = self.safe()?;
        command.env("PASSSAFE_URL", url).env("PASSSAFE_TOKEN", token);
        command.env("PASSSAFE_PASSPHRASE", passphrase);
        Ok(())
    }

    /// The open safe; one on the usual port if the document has opened none.
    pub(super) fn safe(&mut self) -> anyhow::Result<&Open> {
        if self.open.is_none() {
            let serve = "printf %s \"$PW\" | passsafe serve --minutes 30 --password-stdin --json";
            super::console::run(&format!("$ {serve}\n"), self)?;
        }
        self.open.as_ref().context("no safe has been opened")
    }

    /// Ends the safe that is open, if one is.
    pub(super) fn close(&mut self) {
        drop(self.open.take());
    }

    /// A folder for the block's files.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// `text` with the safe's credentials in the place of the example's.
    pub(super) fn filled(&mut self, text: &str) -> anyhow::Result<String> {
        let words = self.words.clone();
        let Open { passphrase, token, url, .. } = self.safe()?;
        let six = Regex::new(r"[a-z][a-z-]+(?: [a-z][a-z-]+){5}")?;
        let text = six.replace_all(text, |found: &Captures<'_>| {
            let is_one = found[0].split(' ').all(|word| words.contains(word));
            if is_one { passphrase.clone() } else { found[0].to_owned() }
        });
        let digits = Regex::new(r#"(["'])\d{3} ?\d{3}(["'])"#)?;
        let text = digits.replace_all(&text, format!("${{1}}{token}${{2}}"));
        // As a number it loses its zeros, which is what a client has to expect.
        let number = token.trim_start_matches('0');
        let text = text
            .replace(", 936265)", &format!(", {})", if number.is_empty() { "0" } else { number }));
        let port = url.rsplit(':').next().unwrap_or_default();
        Ok(text.replace("41763", port))
    }
}

/// Runs a program to its end; what it prints.
pub(super) fn finish(mut command: Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it failed ({}): {errors}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
