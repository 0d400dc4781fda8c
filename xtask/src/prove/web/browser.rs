//! Chromium without a window, and where to get it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::debian;
use crate::repository::Repository;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// As root there is no sandbox, and none is needed against a page of our own. The rest keeps
/// it from talking to anybody but us.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",
];

/// Chromium's binary, installed from Debian's package where it is missing.
pub(super) fn find(repository: &Repository) -> anyhow::Result<PathBuf> {
    debian::provide(repository, &["chromium"], look)
}

fn look() -> Option<PathBuf> {
    let folders = ["/usr/bin", "/usr/local/bin", "/snap/bin"];
    let paths = folders.iter().flat_map(|folder| NAMES.map(|name| Path::new(folder).join(name)));
    paths.into_iter().find(|path| path.exists())
}

pub(super) fn version(binary: &Path) -> anyhow::Result<String> {
    let output = Command::new(binary).arg("--version").output()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version.is_empty() {
        bail!("Chromium does not say its version")
    }
    Ok(version)
}

/// One browser with a fresh profile, at one page. Ends when dropped.
pub(super) struct Browser {
    child: Child,
    profile: PathBuf,
}

impl Browser {
    /// `rules` say which names lead where.
    pub(super) fn open(
        binary: &Path,
        profile: PathBuf,
        rules: &str,
        url: &str,
    ) -> anyhow::Result<Self> {
        let _none_yet = std::fs::remove_dir_all(&profile);
        std::fs::create_dir_all(&profile)?;
        let child = Command::new(binary)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--host-resolver-rules={rules}"))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start Chromium")?;
        Ok(Self { child, profile })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end with it.
        let _already_over = self.child.kill();
        let _reaped = self.child.wait();
        let _still_written = std::fs::remove_dir_all(&self.profile);
    }
}
