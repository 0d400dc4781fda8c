//! The person whose safe it is: the real program, from the outside.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::binary;
use crate::repository::Repository;

const PASSWORD: &str = "S3kr!t";

/// A served safe. Dropping it stops the process.
pub(super) struct Owner {
    pub(super) port: u16,
    pub(super) token: String,
    passphrase: String,
    url: String,
    binary: PathBuf,
    child: Child,
}

#[derive(Deserialize)]
struct Credentials {
    url: String,
    passphrase: String,
    token: String,
}

impl Owner {
    pub(super) fn start(repository: &Repository) -> anyhow::Result<Self> {
        let binary = binary::release(repository)?;
        let mut child = Command::new(&binary)
            .args(["serve", "--minutes", "30", "--password-stdin", "--json", "--port", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start passsafe")?;
        child.stdin.take().context("no stdin")?.write_all(PASSWORD.as_bytes())?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        let Credentials { url, passphrase, token } = serde_json::from_str(&line)?;
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.context("a url without a port")?;
        Ok(Self { port, token, passphrase, url, binary, child })
    }

    pub(super) fn attempts_left(&self) -> anyhow::Result<u64> {
        let status: Value = serde_json::from_slice(&self.ask(&["status", "--json"])?)?;
        status.get("attempts_left").and_then(Value::as_u64).context("no attempts_left")
    }

    pub(super) fn fetch(&self) -> anyhow::Result<()> {
        let fetched = self.ask(&["get", "--raw"])?;
        ensure!(fetched == PASSWORD.as_bytes(), "another password came back");
        Ok(())
    }

    fn ask(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .env("PASSSAFE_URL", &self.url)
            .env("PASSSAFE_PASSPHRASE", &self.passphrase)
            .env("PASSSAFE_TOKEN", &self.token)
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "passsafe {arguments:?}: {stderr}");
        Ok(output.stdout)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _already_over = self.child.kill();
        let _reaped = self.child.wait();
    }
}
