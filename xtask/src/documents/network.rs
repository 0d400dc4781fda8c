//! A network of its own: loopback and nothing else, so that the example's port is free and
//! nobody else's safe is in the way.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::debian;
use crate::repository::Repository;

/// Gone, with its processes, when dropped.
pub(super) struct Network {
    holder: Child,
}

impl Network {
    pub(super) fn new(repository: &Repository) -> anyhow::Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "a network of one's own takes root");
        let there = || Path::new("/usr/sbin/ip").exists().then_some(());
        debian::provide(repository, &["iproute2"], there)?;
        let mut holder = Command::new("unshare");
        holder.args([
            "--net",
            "sh",
            "-c",
            "/usr/sbin/ip link set lo up && echo up && exec sleep infinity",
        ]);
        let mut holder = holder.stdout(Stdio::piped()).spawn().context("unshare is needed")?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().context("no stdout")?).read_line(&mut line)?;
        let network = Self { holder };
        ensure!(line == "up\n", "there is no network of our own to be had");
        Ok(network)
    }

    /// A program inside.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut enter = Command::new("nsenter");
        enter.arg(format!("--net=/proc/{}/ns/net", self.holder.id())).arg(program);
        enter
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _already_over = self.holder.kill();
        let _reaped = self.holder.wait();
    }
}
