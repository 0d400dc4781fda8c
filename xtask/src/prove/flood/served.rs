//! A safe, served by the binary as it is released.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::http;
use crate::binary;
use crate::prove::Finding;
use crate::repository::Repository;

const PASSWORD: &str = "Zw0lf-Boxkaempfer/jagen_Viktor";
/// What the serving process may have had in memory at most.
const MAX_MEMORY_KIB: u64 = 32 * 1024;
/// In which it has to be gone.
pub(super) const TIME_TO_GO: Duration = Duration::from_secs(1);

/// A served safe. Dropping it ends the process.
pub(super) struct Served {
    binary: PathBuf,
    child: Child,
    credentials: Credentials,
    pub(super) port: u16,
}

#[derive(Deserialize)]
struct Credentials {
    url: String,
    passphrase: String,
    token: String,
}

impl Served {
    pub(super) fn start(repository: &Repository, minutes: u32) -> anyhow::Result<Self> {
        let binary = binary::release(repository)?;
        let mut child = repository
            .command(&binary)
            .args(["serve", "--password-stdin", "--json", "--port", "0", "--minutes"])
            .arg(minutes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the safe")?;
        child.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let credentials: Credentials =
            serde_json::from_str(&line).with_context(|| format!("no credentials: {line:?}"))?;
        let port = credentials.url.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.with_context(|| format!("no port: {}", credentials.url))?;
        let served = Self { binary, child, credentials, port };
        http::ask_status(port).context("the safe does not answer")?;
        Ok(served)
    }

    pub(super) fn token(&self) -> &str {
        &self.credentials.token
    }

    /// The command with all that opens this safe in its environment.
    pub(super) fn get(&self) -> Command {
        let mut get = Command::new(&self.binary);
        get.arg("get")
            .env("PASSSAFE_URL", &self.credentials.url)
            .env("PASSSAFE_PASSPHRASE", &self.credentials.passphrase)
            .env("PASSSAFE_TOKEN", &self.credentials.token)
            .stdin(Stdio::null());
        get
    }

    /// Fails if that was not what `get` printed.
    pub(super) fn is_password(stdout: &[u8]) -> bool {
        stdout.strip_suffix(b"\n") == Some(PASSWORD.as_bytes())
    }

    /// The most memory that the process ever had, which must have been little.
    pub(super) fn memory(&self) -> anyhow::Result<Finding> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok()
        });
        let kib = kib.context("the system does not tell the peak of its memory")?;
        ensure!(kib <= MAX_MEMORY_KIB, "the serving process had {kib} KiB of memory");
        Ok(Finding::new("peak memory of the serving process", format!("{kib} KiB")))
    }

    pub(super) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Asks the process to end, as `kill` does, and says how long it took.
    pub(super) fn terminate(&mut self) -> anyhow::Result<Duration> {
        ensure!(self.is_running()?, "the safe had ended before");
        let id = i32::try_from(self.child.id())?;
        let id = rustix::process::Pid::from_raw(id).context("no process number")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        self.gone_after(Instant::now())
    }

    /// Waits until the process is gone, and says how long after `due` that was.
    pub(super) fn gone_after(&mut self, due: Instant) -> anyhow::Result<Duration> {
        while self.is_running()? {
            if due.elapsed() > 10 * TIME_TO_GO {
                bail!("still there {:?} after its end", due.elapsed());
            }
            sleep(Duration::from_millis(1));
        }
        let took = due.elapsed();
        let status = self.child.wait()?;
        ensure!(status.success(), "ended with {status}");
        Ok(took)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
