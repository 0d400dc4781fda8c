//! A safe that a chore opens with the command, and its credentials.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::repository::shown;

/// A serving process, ended when dropped.
pub(crate) struct Safe {
    pub(crate) credentials: Credentials,
    child: Child,
}

/// What a client needs.
#[derive(Clone, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) url: String,
    pub(crate) passphrase: String,
    pub(crate) token: String,
}

impl Safe {
    /// Serves `secret` on a port that the system gives, or by `how`, a command that becomes
    /// the safe's.
    pub(crate) fn open(mut how: Command, secret: &str) -> anyhow::Result<Self> {
        how.args([
            "serve",
            "--minutes",
            "5",
            "--password-stdin",
            "--json",
            "--quiet",
            "--port",
            "0",
        ]);
        how.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = how.spawn().context("cannot start passsafe")?;
        child.stdin.take().context("no stdin")?.write_all(secret.as_bytes())?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(credentials) => Ok(Self { credentials, child }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error).with_context(|| format!("no credentials, but `{line}`"))
            }
        }
    }

    /// What the command prints when it is asked with the credentials.
    pub(crate) fn ask(&self, binary: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(binary);
        command.args(arguments);
        self.answer(command)
    }

    /// What a program prints that is given the credentials in its environment.
    pub(crate) fn answer(&self, mut program: Command) -> anyhow::Result<String> {
        let Credentials { url, passphrase, token } = &self.credentials;
        program.env("PASSSAFE_URL", url).env("PASSSAFE_PASSPHRASE", passphrase);
        let output = program.env("PASSSAFE_TOKEN", token).stdin(Stdio::null()).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{}` failed: {errors}", shown(&program));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Waits for the end that `close` brings.
    pub(crate) fn has_ended(mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "the safe ended with {status}");
        Ok(())
    }
}

impl Drop for Safe {
    fn drop(&mut self) {
        let _already_over = self.child.kill();
        let _reaped = self.child.wait();
    }
}
